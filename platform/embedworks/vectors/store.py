"""The rows of a version on disk: a Lance dataset, or a folder of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedworks.errors import InputError, first_line
from embedworks.vectors.exact import Ids, Vectors
from embedworks.vectors.filters import Condition, sql
from embedworks.vectors.records import ID

LANCE = "vectors"  # the table; its dataset is the folder vectors.lance
PARQUET = "vectors"
BATCH_ROWS = 8192
EXTRA = "pip install 'embedworks[index]'"


class Store(Protocol):
    """What a search needs of the rows. Places are positions in the order of the data, from 0."""

    @property
    def schema(self) -> pa.Schema:
        """The columns."""

    def column(self, name: str) -> pa.ChunkedArray:
        """A whole column, in the order of the data."""

    def batches(
        self, columns: Sequence[str], conditions: Sequence[Condition] = ()
    ) -> Iterator[pa.RecordBatch]:
        """The rows that pass, in the order of the data."""

    def take(self, places: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Rows by place, in the order given; one may be asked for twice."""


class LanceStore:
    """A Lance dataset, which LanceDB knows as the table ``vectors`` of the version's folder.

    Raises:
        InputError: where the libraries are missing, or the dataset cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        lance, lancedb = _libraries()
        try:
            self.table = lancedb.connect(str(folder)).open_table(LANCE)
            self.dataset = lance.dataset(str(folder / f"{LANCE}.lance"))
        except Exception as error:  # both raise a dozen kinds, from Rust
            raise InputError(f"cannot open the vectors in {folder}: {first_line(error)}") from error

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        found: pa.Schema = self.dataset.schema
        return found

    def column(self, name: str) -> pa.ChunkedArray:
        """A whole column, in the order of the data."""
        return self.dataset.to_table(columns=[name])[name]

    def batches(
        self, columns: Sequence[str], conditions: Sequence[Condition] = ()
    ) -> Iterator[pa.RecordBatch]:
        """The rows that pass, read as they are needed."""
        scan = self.dataset.scanner(columns=list(columns), filter=sql(conditions), batch_size=BATCH_ROWS)
        yield from scan.to_batches()

    def take(self, places: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Rows by place, in the order given."""
        return self.dataset.take([int(place) for place in places], columns=list(columns))


class ParquetStore:
    """A folder of Parquet files, in the order of their names. What a row shows is kept in memory."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted((folder / PARQUET).glob("[!.]*.parquet"))
        if not self.files:
            raise InputError(f"{folder} holds no vectors", expected=f"{LANCE}.lance or {PARQUET}/*.parquet")
        self.dataset = pads.dataset([str(file) for file in self.files], format="parquet")

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        return self.dataset.schema

    def column(self, name: str) -> pa.ChunkedArray:
        """A whole column, in the order of the data."""
        return self.dataset.to_table(columns=[name])[name]

    def batches(
        self, columns: Sequence[str], conditions: Sequence[Condition] = ()
    ) -> Iterator[pa.RecordBatch]:
        """The rows that pass, read as they are needed."""
        needed = list(dict.fromkeys([*columns, *(one.column for one in conditions)]))
        for batch in self.dataset.to_batches(columns=needed, batch_size=BATCH_ROWS):
            kept = np.ones(batch.num_rows, dtype=bool)
            for one in conditions:
                kept &= one.mask(pa.chunked_array([batch[one.column]]))
            yield batch.select(list(columns)).filter(pa.array(kept))

    def take(self, places: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Rows by place, in the order given."""
        if not any(pa.types.is_fixed_size_list(self.schema.field(name).type) for name in columns):
            return self._shown.select(list(columns)).take(pa.array(places, pa.int64()))
        places_N, back_N = np.unique(np.asarray(places, np.int64), return_inverse=True)
        return self._decoded(places_N, list(columns)).take(pa.array(back_N))

    def _decoded(self, places_N: NDArray[np.int64], columns: list[str]) -> pa.Table:
        """Rows by ascending places, from the row groups that hold some."""
        starts, groups = self._groups
        group_N = np.searchsorted(starts, places_N, side="right") - 1
        parts = [self.schema.empty_table().select(columns)]
        for index in np.unique(group_N).tolist():
            file, group = groups[index]
            table = pq.ParquetFile(file).read_row_group(group, columns=columns).select(columns)
            parts.append(table.take(pa.array(places_N[group_N == index] - starts[index])))
        return pa.concat_tables(parts)

    @cached_property
    def _groups(self) -> tuple[NDArray[np.int64], list[tuple[Path, int]]]:
        """Where each row group begins, and its file and number there."""
        groups: list[tuple[Path, int]] = []
        rows: list[int] = []
        for file in self.files:
            metadata = pq.read_metadata(file)
            groups += [(file, number) for number in range(metadata.num_row_groups)]
            rows += [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        return np.cumsum([0, *rows])[:-1], groups

    @cached_property
    def _shown(self) -> pa.Table:
        shown = [field.name for field in self.schema if not pa.types.is_fixed_size_list(field.type)]
        return self.dataset.to_table(columns=shown)


def open_store(folder: Path) -> Store:
    """The rows of a version's folder.

    Raises:
        InputError: if there are none, or a library is missing.
    """
    return LanceStore(folder) if (folder / f"{LANCE}.lance").is_dir() else ParquetStore(folder)


def vectors_of(array: pa.Array) -> Vectors:
    """``(N, D)`` float32 of a column of vectors, without a copy."""
    width = array.type.list_size
    flat: NDArray[np.float32] = array.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, width)


def read_matrix(store: Store, column: str, rows: int) -> tuple[Vectors, Ids]:
    """A column of vectors and its ids in memory, written batch by batch where they stay."""
    width = store.schema.field(column).type.list_size
    vectors_ND, ids_N = np.empty((rows, width), np.float32), np.empty(rows, np.int64)
    end = 0
    for batch in store.batches([ID, column]):
        start, end = end, end + batch.num_rows
        if end > rows:
            break
        vectors_ND[start:end] = vectors_of(batch[column])
        ids_N[start:end] = batch[ID].to_numpy()
    if end != rows:
        raise InputError(f"the vectors have not {rows} rows, as their version's record says")
    return vectors_ND, ids_N


def _libraries() -> tuple[Any, Any]:
    try:
        import lance
        import lancedb
    except ImportError as error:
        raise InputError(f"an index needs the library {error.name}", expected=EXTRA) from error
    return lance, lancedb
