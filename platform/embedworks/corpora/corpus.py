"""Opens a corpus and reads its rows: in any order by index, or from front to back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.manifest import Manifest, Shard
from embedworks.errors import InputError


def open_corpus(folder: str | Path) -> Corpus:
    """Open a corpus folder; no shard is touched until rows are read.

    Raises:
        InputError: if there is no folder, no readable manifest, or not a single row.
    """
    corpus = Corpus(folder)
    if not any(corpus.rows(split) for split in corpus.manifest.splits):
        raise InputError(f"corpus {corpus.folder} has no rows")
    return corpus


class Corpus:
    """The rows of a corpus folder, as its manifest lists them.

    It pickles to its path: whoever unpickles it opens the same folder again on first use.

    Args:
        folder: A folder that :func:`embedworks.corpora.shards.write_corpus` filled.

    Example:
        >>> corpus = open_corpus("corpora/python-docs")                        # doctest: +SKIP
        >>> corpus.read("train", np.array([7, 0, 7]), ["query"]).num_rows      # doctest: +SKIP
        3
    """

    def __init__(self, folder: str | Path) -> None:
        # Absolute, because a worker that unpickles it runs in another directory.
        self.folder = Path(folder).expanduser().absolute()
        self._metadata: dict[str, pq.FileMetaData] = {}

    def __reduce__(self) -> tuple[type[Corpus], tuple[Path]]:
        return (Corpus, (self.folder,))

    def __repr__(self) -> str:
        return f"Corpus({str(self.folder)!r})"

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest, read once."""
        return Manifest.load(self.folder)

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

        Decodes the row groups that hold them and no others, so a caller that asks for neighbours
        together reads less.

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
        tables, place_N, done = [], np.empty_like(wanted_N), 0
        for index in np.unique(shard_N):
            here_N = shard_N == index
            table, place = self._read_shard(shards[index], wanted_N[here_N] - starts_S[index], names)
            place_N[here_N] = place + done
            done += table.num_rows
            tables.append(table)
        if not tables:
            return self.schema.empty_table().select(names)
        return pa.concat_tables(tables).combine_chunks().take(pa.array(place_N))

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
                for batch in file.iter_batches(batch_rows, columns=names):
                    yield from batch.select(names).to_pylist()

    def _read_shard(
        self, shard: Shard, local_N: np.ndarray, columns: list[str]
    ) -> tuple[pa.Table, np.ndarray]:
        """The row groups that hold ``local_N``, and where in them each of these rows stands."""
        with self._opened(shard) as file:
            metadata = file.metadata
            sizes_G = np.array([metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)])
            starts_G = np.cumsum([0, *sizes_G])
            group_N = np.searchsorted(starts_G, local_N, side="right") - 1
            groups, which_N = np.unique(group_N, return_inverse=True)
            table = file.read_row_groups(groups.tolist(), columns=columns).select(columns)
        offsets = np.cumsum([0, *sizes_G[groups]])
        return table, offsets[which_N] + local_N - starts_G[group_N]

    @contextmanager
    def _opened(self, shard: Shard) -> Iterator[pq.ParquetFile]:
        """An open shard; whatever goes wrong inside names the file."""
        path = self.folder / shard.file
        try:
            known = self._metadata.get(shard.file)
            if known is None:
                _check_size(path, shard)
            with pq.ParquetFile(path, metadata=known, page_checksum_verification=True) as file:
                if known is None:
                    _check_rows(path, shard, file.metadata.num_rows)
                    self._metadata[shard.file] = file.metadata
                yield file
        except FileNotFoundError as error:
            raise InputError(f"shard {path} is missing", expected=f"{shard.rows} rows") from error
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise InputError(f"shard {path} cannot be read: {_first_line(error)}") from error

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


def _check_size(path: Path, shard: Shard) -> None:
    size = path.stat().st_size
    if size != shard.bytes:
        word = "truncated" if size < shard.bytes else "altered"
        raise InputError(
            f"shard {path} is {word}: {size} bytes", expected=f"{shard.bytes} as its manifest says"
        )


def _check_rows(path: Path, shard: Shard, rows: int) -> None:
    if rows != shard.rows:
        raise InputError(
            f"shard {path} is altered: {rows} rows", expected=f"{shard.rows} as its manifest says"
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
