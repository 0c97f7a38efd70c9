"""Where finished units lie: fragments of one Lance dataset, or Parquet files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedworks.corpora.atomic import new_file
from embedworks.errors import InputError

DATASET, FILES = "vectors.lance", "vectors"
ROW_GROUP_ROWS = 1024
FORMATS = ("lance", "parquet")


class Store(Protocol):
    """The table of a version, in pieces while it is made. A unit's piece is written before its record."""

    def write(self, number: int, table: pa.Table, /) -> list[str]:
        """Write a unit's rows; what its record has to say of where they are."""
        ...

    def has(self, stored: Sequence[str]) -> bool:
        """Whether what a record says is there."""
        ...

    def commit(self, pieces: Sequence[Sequence[str]], schema: pa.Schema, /) -> None:
        """Make one table of all pieces, in this order, and delete what belongs to none of them."""
        ...

    def batches(self, column: str) -> Iterator[pa.Array]:
        """One column of the table, in order, in pieces."""
        ...

    def take(self, rows_N: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Rows of the table by their ascending numbers."""
        ...


def open_store(folder: Path, kind: str) -> Store:
    """The store of a version's folder.

    Raises:
        InputError: for an unknown format, or one that is not installed.
    """
    if kind not in FORMATS:
        what = f"unknown format {kind!r}"
        raise InputError(what, expected=f"one of {', '.join(FORMATS)}", name=kind, known=FORMATS)
    return LanceStore(folder) if kind == "lance" else ParquetStore(folder)


def stored_format(folder: Path) -> str:
    """The format of a complete version's folder."""
    return "lance" if (folder / DATASET).is_dir() else "parquet"


class LanceStore:
    """Fragments, which are data files that no version of the dataset knows until they are committed."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / DATASET
        self._opened: Any = None

    def write(self, _number: int, table: pa.Table) -> list[str]:
        """One or more fragments, synced to disk."""
        fragment = _lance("fragment")
        found = fragment.write_fragments(table, str(self.place), mode="create")
        for file in (file for piece in found for file in piece.files):
            _sync(self.place / "data" / file.path)
        return [json.dumps(piece.to_json()) for piece in found]

    def has(self, stored: Sequence[str]) -> bool:
        """Whether the data files are there."""
        return all((self.place / "data" / name).is_file() for name in _data_files(stored))

    def commit(self, pieces: Sequence[Sequence[str]], schema: pa.Schema) -> None:
        """Commit all fragments as the dataset's rows."""
        ours = {name for stored in pieces for name in _data_files(stored)}
        if self._committed() != ours:  # a run that was killed behind this may have committed them
            lance = _lance()
            metadata = lance.fragment.FragmentMetadata
            fragments = [metadata.from_json(text) for stored in pieces for text in stored]
            operation = lance.LanceOperation.Overwrite(schema, fragments)
            self._opened = lance.LanceDataset.commit(str(self.place), operation)
        for file in (self.place / "data").iterdir():
            if file.name not in ours:
                file.unlink(missing_ok=True)

    def _committed(self) -> set[str]:
        if not (self.place / "_versions").is_dir():
            return set()
        fragments = self.dataset.get_fragments()
        return {file.path for fragment in fragments for file in fragment.data_files()}

    @property
    def dataset(self) -> Any:
        """The dataset, opened once."""
        if self._opened is None:
            self._opened = _lance().dataset(str(self.place))
        return self._opened

    def batches(self, column: str) -> Iterator[pa.Array]:
        """One column, batch by batch."""
        for batch in self.dataset.to_batches(columns=[column]):
            yield batch.column(0)

    def take(self, rows_N: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Rows by number."""
        table: pa.Table = self.dataset.take(rows_N.tolist(), columns=list(columns))
        return table.select(list(columns))


class ParquetStore:
    """A file a unit, named by its number: written again, it is the same file."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / FILES
        self._files: list[Path] | None = None
        self._starts: list[int] = []

    def write(self, number: int, table: pa.Table) -> list[str]:
        """One file."""
        self.place.mkdir(parents=True, exist_ok=True)
        file = self.place / f"{number:06d}.parquet"
        with new_file(file) as partial:
            pq.write_table(table, partial, compression="zstd", row_group_size=ROW_GROUP_ROWS)
        return [file.name]

    def has(self, stored: Sequence[str]) -> bool:
        """Whether the files are there."""
        return all((self.place / name).is_file() for name in stored)

    def commit(self, pieces: Sequence[Sequence[str]], _schema: pa.Schema) -> None:
        """Files are a table by being there: delete the others."""
        ours = {name for stored in pieces for name in stored}
        for file in self.place.iterdir():
            if file.name not in ours:
                file.unlink(missing_ok=True)

    @property
    def files(self) -> list[Path]:
        """The files in order; footers are read once."""
        if self._files is None:
            self._files = sorted(self.place.glob("*.parquet"))
            rows = (pq.read_metadata(file).num_rows for file in self._files)
            self._starts = list(accumulate(rows, initial=0))
        return self._files

    def batches(self, column: str) -> Iterator[pa.Array]:
        """One column, batch by batch."""
        for file in self.files:
            for batch in pq.ParquetFile(file).iter_batches(columns=[column]):
                yield batch.column(0)

    def take(self, rows_N: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Rows by number; the row groups that hold some are decoded."""
        files, parts = self.files, []
        file_N = np.searchsorted(self._starts, rows_N, side="right") - 1
        for index in np.unique(file_N).tolist():
            local_N = rows_N[file_N == index] - self._starts[index]
            group_N = local_N // ROW_GROUP_ROWS
            with pq.ParquetFile(files[index]) as file:
                for group in np.unique(group_N).tolist():
                    table = file.read_row_group(group, columns=list(columns))
                    parts.append(table.take(pa.array(local_N[group_N == group] - group * ROW_GROUP_ROWS)))
        return pa.concat_tables(parts).select(list(columns))


def _lance(part: str = "") -> Any:
    try:
        import lance
        import lance.fragment
    except ImportError as error:
        raise InputError(
            "the format lance needs the package pylance",
            expected="pip install 'embedworks[data]', or --format parquet",
        ) from error
    return getattr(lance, part) if part else lance


def _data_files(stored: Sequence[str]) -> Iterator[str]:
    for text in stored:
        yield from (file["path"] for file in json.loads(text)["files"])


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
