"""Opens a corpus and reads its rows: in any order by index, or from front to back."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.decoded import DecodedGroups
from embedworks.corpora.footers import Footer, footer_of, refuse_lost_rows, wrong_column
from embedworks.corpora.manifest import Manifest, Shard
from embedworks.corpora.places import Place
from embedworks.corpora.verify import BadShard, find_bad_shards, without
from embedworks.errors import InputError, first_line

OnBadShard = Literal["stop", "quarantine"]

logger = logging.getLogger(__name__)


def open_corpus(folder: str | Path | Place, on_bad_shard: OnBadShard | None = None) -> Corpus:
    """Open a corpus folder or URI.

    Args:
        folder: A folder that holds a manifest.
        on_bad_shard: None touches no shard until rows are read, and then stops at the first bad one.
            ``"stop"`` looks at the size and footer of every shard first, and stops if one is not as the
            manifest says. ``"quarantine"`` looks as well, and leaves bad shards out: they are logged
            and listed in :attr:`Corpus.quarantined`.

    Raises:
        InputError: if there is no folder, no readable manifest, or not a single row; with ``"stop"``,
            naming the bad shards.
    """
    corpus = Corpus(folder)
    if on_bad_shard:
        corpus = _without_bad_shards(corpus, on_bad_shard)
    if not any(corpus.rows(split) for split in corpus.manifest.splits):
        raise InputError(f"corpus {corpus.folder} has no rows")
    return corpus


def _without_bad_shards(corpus: Corpus, on_bad_shard: OnBadShard) -> Corpus:
    bad = find_bad_shards(corpus.manifest, corpus.place)
    if bad and on_bad_shard == "stop":
        more = f" (and {len(bad) - 1} more shards)" if len(bad) > 1 else ""
        raise InputError(f"bad shard {bad[0].problem}{more}", where=str(corpus.folder))
    for one in bad:
        logger.warning("%s: left out %s: %d rows of %s", corpus.folder, one.problem, one.rows, one.split)
    return Corpus(corpus.folder, tuple(bad)) if bad else corpus


class Corpus:
    """The rows of a corpus folder, as its manifest lists them.

    It pickles to its path and its quarantine: whoever unpickles it opens the same rows on first use.

    Args:
        folder: A folder or URI that :func:`embedworks.corpora.shards.write_corpus`, ``embedworks shards
            build`` or :func:`embedworks.corpora.in_place.index_parquet` filled.
        quarantined: Shards to leave out; see :func:`open_corpus`.

    Example:
        >>> corpus = open_corpus("corpora/python-docs")                        # doctest: +SKIP
        >>> corpus.read("train", np.array([7, 0, 7]), ["query"]).num_rows      # doctest: +SKIP
        3
    """

    def __init__(self, folder: str | Path | Place, quarantined: tuple[BadShard, ...] = ()) -> None:
        # Absolute, because a worker that unpickles it runs in another directory.
        self.place = Place.of(folder)
        self.quarantined = quarantined
        self._seen: dict[str, _Seen] = {}
        self._decoded = DecodedGroups()

    @property
    def folder(self) -> Path | str:
        """Where it is: an absolute path, or a URI."""
        return self.place.local or self.place.uri

    def __reduce__(self) -> tuple[type[Corpus], tuple[Path | str, tuple[BadShard, ...]]]:
        return (Corpus, (self.folder, self.quarantined))

    def __repr__(self) -> str:
        return f"Corpus({str(self.folder)!r})"

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest without what is quarantined, read once."""
        manifest = Manifest.load(self.place)
        return without(manifest, self.quarantined) if self.quarantined else manifest

    @property
    def digest(self) -> str:
        """The manifest's digest: what a job records to name these very rows."""
        return self.manifest.digest

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(self.manifest.columns)

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every shard, read from the first one."""
        shard = next(shard for shards in self.manifest.splits.values() for shard in shards)
        with self._opened(shard) as file:
            return file.schema_arrow

    def rows(self, split: str) -> int:
        """Rows of a split.

        Raises:
            InputError: for an unknown split, naming the nearest one.
        """
        return self.manifest.rows(split)

    def read(self, split: str, indices: np.ndarray, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows by their index in the split, in the order given; an index may stand there twice.

        Decodes the row groups that hold them and no others, and keeps the last ones decoded: a caller
        that asks for neighbours reads less.

        Args:
            split: Name of the split.
            indices: ``(N,)`` integers in ``[0, rows(split))``.
            columns: Columns to read, in order; all of them by default.

        Returns:
            A table of N rows.

        Raises:
            InputError: for an unknown split or column, an index outside the split, or a shard that is
                missing, truncated or altered (naming the file).
        """
        names = self._check_columns(columns)
        wanted_N = self._check_indices(split, np.asarray(indices, dtype=np.int64))
        shards = self.manifest.shards(split)
        starts_S = np.cumsum([0, *(shard.rows for shard in shards)])
        shard_N = np.searchsorted(starts_S, wanted_N, side="right") - 1
        tables, places = [], []
        for index in np.unique(shard_N):
            here_N = np.flatnonzero(shard_N == index)
            for table, rows in self._read_shard(shards[index], wanted_N[here_N] - starts_S[index], names):
                tables.append(table)
                places.append(here_N[rows])
        if not tables:
            return self.schema.empty_table().select(names)
        back_N = np.argsort(np.concatenate(places), kind="stable")
        return pa.concat_tables(tables).combine_chunks().take(pa.array(back_N))

    def iter_rows(
        self, split: str, columns: Sequence[str] | None = None, batch_rows: int = 1024
    ) -> Iterator[dict[str, Any]]:
        """Every row of a split as a dict, in order, decoding ``batch_rows`` at a time.

        Raises:
            InputError: as :meth:`read` does.
        """
        names = self._check_columns(columns)
        for shard in self.manifest.shards(split):
            with self._opened(shard) as file:
                decoded = 0
                for batch in file.iter_batches(batch_rows, columns=names):
                    decoded += batch.num_rows
                    yield from batch.select(names).to_pylist()
                refuse_lost_rows(decoded, shard.rows)

    def _read_shard(
        self, shard: Shard, local_N: np.ndarray, columns: list[str]
    ) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """Rows of each row group that holds some of ``local_N``, and which of these they are."""
        with self._opened(shard) as file:
            metadata = file.metadata
            sizes_G = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
            starts_G = np.cumsum([0, *sizes_G])
            group_N = np.searchsorted(starts_G, local_N, side="right") - 1
            order_N = np.argsort(group_N, kind="stable")
            groups, firsts = np.unique(group_N[order_N], return_index=True)
            decoded = self._groups(file, shard, groups.tolist(), columns)
        for group, rows in zip(groups, np.split(order_N, firsts[1:]), strict=True):
            yield decoded[group].take(pa.array(local_N[rows] - starts_G[group])), rows

    def _groups(
        self, file: pq.ParquetFile, shard: Shard, groups: list[int], columns: list[str]
    ) -> dict[int, pa.Table]:
        """Decoded row groups: rows are read in windows, and a window's groups are asked for many times."""
        keys = {group: (shard.file, group, tuple(columns)) for group in groups}
        found = {group: self._decoded.get(key) for group, key in keys.items()}
        missing = [group for group, table in found.items() if table is None]
        if missing:
            table, start = file.read_row_groups(missing, columns=columns).select(columns), 0
            due = sum(file.metadata.row_group(group).num_rows for group in missing)
            refuse_lost_rows(table.num_rows, due)
            for group in missing:
                rows = file.metadata.row_group(group).num_rows
                found[group] = table.slice(start, rows).combine_chunks()
                self._decoded.put(keys[group], found[group])
                start += rows
        return found

    @contextmanager
    def _opened(self, shard: Shard) -> Iterator[pq.ParquetFile]:
        """An open shard; whatever goes wrong inside names the file."""
        place = shard.place(self.place)
        try:
            with place.filesystem.open_input_file(place.path) as source:
                metadata = self._checked(shard, place, source)
                # Over a network, one request for neighbouring columns instead of one for each.
                with pq.ParquetFile(
                    source,
                    metadata=metadata,
                    page_checksum_verification=True,
                    pre_buffer=place.local is None,
                ) as file:
                    yield file
        except FileNotFoundError as error:
            raise InputError(f"shard {place} is missing", expected=f"{shard.rows} rows") from error
        except place.read_errors as error:
            raise InputError(f"shard {place} cannot be read: {first_line(error)}") from error

    def _checked(self, shard: Shard, place: Place, source: pa.NativeFile) -> pq.FileMetaData:
        """The shard's footer, read once; the file's size is compared each time."""
        _check_size(place, shard, source.size())
        # Whoever owns an indexed file may change it while we read, and no hash of its rows would tell.
        changed = place.info().mtime_ns if shard.footer_sha256 else None
        seen = self._seen.get(shard.file)
        if seen is None or seen.changed != changed:
            footer = footer_of(source)
            _check_footer(place, shard, footer, self.manifest.columns)
            seen = self._seen[shard.file] = _Seen(footer.metadata, changed)
        return seen.metadata

    def _check_columns(self, columns: Sequence[str] | None) -> list[str]:
        known = self.columns
        for name in columns or ():
            if name not in known:
                expected = f"one of {', '.join(known)}"
                what = f"corpus {self.manifest.name!r} has no column {name!r}"
                raise InputError(what, expected=expected, name=name, known=known)
        return list(known if columns is None else columns)

    def _check_indices(self, split: str, wanted_N: np.ndarray) -> np.ndarray:
        rows = self.rows(split)
        if wanted_N.size and not (wanted_N.min() >= 0 and wanted_N.max() < rows):
            wrong = wanted_N[(wanted_N < 0) | (wanted_N >= rows)][0]
            what = f"corpus {self.manifest.name!r}, split {split!r} has no row {wrong}"
            raise InputError(what, expected=f"0 to {rows - 1}")
        return wanted_N


class _Seen(NamedTuple):
    metadata: pq.FileMetaData
    changed: int | None


def _check_size(place: Place, shard: Shard, size: int) -> None:
    if size != shard.bytes:
        word = "truncated" if size < shard.bytes else "altered"
        raise InputError(
            f"shard {place} is {word}: {size} bytes", expected=f"{shard.bytes} as its manifest says"
        )


def _check_footer(place: Place, shard: Shard, footer: Footer, columns: dict[str, str]) -> None:
    rows = footer.metadata.num_rows
    if rows != shard.rows:
        raise InputError(
            f"shard {place} is altered: {rows} rows", expected=f"{shard.rows} as its manifest says"
        )
    if shard.footer_sha256 and footer.sha256 != shard.footer_sha256:
        raise InputError(
            f"shard {place} changed after it was indexed", expected="the file that was indexed"
        )
    if wrong := wrong_column(footer, columns):
        raise InputError(f"shard {place} is altered: {wrong}", expected="the columns of its manifest")
