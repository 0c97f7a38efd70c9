"""A version of an index, opened to be searched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.vectors import approximate
from embedworks.vectors.exact import Ids, Measure, Vectors, as_queries, nearest_in_stream
from embedworks.vectors.filters import Condition, Filter, read_filter
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.memory import InMemory
from embedworks.vectors.records import ID, KEY, Ann, Size, VersionRecord
from embedworks.vectors.rows import RowReader
from embedworks.vectors.sizes import choose_size
from embedworks.vectors.store import LanceStore, open_store, vectors_of

MAP_FILE = "map.parquet"
QUESTIONS_FILE = "questions.json"
IN_MEMORY = 4 << 30  # bytes of a column of vectors; a larger one is read from the disk at every search
EXACT = Ann(kind="exact")


@dataclass(frozen=True)
class Found:
    """What a search found: for each query its hits, best first; fewer than asked for where there are fewer.

    Attributes:
        ids: Row numbers, an int64 array for each query.
        scores: Cosine or inner product, bigger is better; a float32 array for each query.
        rows: The columns of every hit.
        exact: Whether nothing better can have been missed.
    """

    ids: list[NDArray[np.int64]]
    scores: list[NDArray[np.float32]]
    rows: list[list[dict[str, Any]]]
    exact: bool


class Table:
    """One version of an index. It stays with that version, and any number of threads may search it.

    Vectors that are searched exactly are read into memory at the first search.

    Args:
        folder: The version's folder.
        record: Its record.

    Example:
        >>> table = Table.open("indexes/docs")                                  # doctest: +SKIP
        >>> found = table.search(queries_QD, 3, where={"topic": "lists"})       # doctest: +SKIP
        >>> found.rows[0][0]["title"]                                           # doctest: +SKIP
        'list.append'
    """

    def __init__(self, folder: Path, record: VersionRecord) -> None:
        self.folder, self.record = folder, record
        self.store = open_store(folder)
        self.schema = self.store.schema
        vectors = {size.column for size in record.sizes}
        self.columns = [name for name in self.schema.names if name not in vectors | {ID, KEY}]
        unit = record.similarity == "cosine" or record.normalized
        self._measure = Measure(unit, record.normalized, record.similarity == "cosine")
        self._memory = InMemory(self.store, record.rows, self._measure)
        self._reader = RowReader(self.store)

    @classmethod
    def open(cls, path: str | Path, version: VersionRecord | None = None) -> Table:
        """Open a version of the index at ``path``; the current one by default.

        Raises:
            InputError: if there is no index, or no version that is complete.
        """
        index = IndexFolder.open(path)
        record = version or index.current()
        if record is None:
            raise InputError(
                f"no version of {path} is complete yet", expected="an `embedworks embed` that ended"
            )
        return cls(index.folder(record.id), record)

    def size(self, layers: int | None = None, dimensions: int | None = None) -> Size:
        """The stored size that answers; see :func:`embedworks.vectors.sizes.choose_size`."""
        return choose_size(self.record, layers, dimensions)

    def ann(self, size: Size) -> Ann:
        """How vectors of this size are searched unless exactness is asked for."""
        stored = self.schema.field(size.column).type.list_size
        return self.record.ann.get(size.column, EXACT) if size.dimensions == stored else EXACT

    def search(
        self,
        queries_QD: Vectors,
        limit: int = 10,
        *,
        size: Size | None = None,
        where: Filter | None = None,
        exact: bool | None = None,
        columns: Sequence[str] | None = None,
    ) -> Found:
        """The nearest rows of each query.

        Args:
            queries_QD: ``(Q, d)`` vectors, or one ``(d,)``, as the version's model makes them at ``size``.
            limit: Hits for each query.
            size: From :meth:`size`; the full one by default.
            where: Conditions on kept columns; see :mod:`embedworks.vectors.filters`.
            exact: True looks at every row even where there is an index.
            columns: Columns of the hits; by default all kept ones but those of bytes.

        Raises:
            InputError: for queries of another width, an unknown column, or a filter that does not fit.
        """
        size = size or self.record.full
        queries_QD = self._checked(queries_QD, size, limit)
        names = self.check_columns(columns)
        conditions = read_filter(where, self.schema.remove_metadata())
        ann = self.ann(size)
        all_rows = bool(exact) or ann.kind == "exact" or not isinstance(self.store, LanceStore)
        if all_rows:
            ids, scores = self._exactly(queries_QD, limit, size, conditions)
        else:
            assert isinstance(self.store, LanceStore)
            ids, scores = approximate.nearest(
                self.store, self.record, size.column, ann, queries_QD, limit, conditions
            )
        return Found(ids, scores, self._dicts(ids, names), all_rows)

    def rows(self, ids: Sequence[int] | Ids, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows by id, in the order given: the id and the columns.

        Raises:
            InputError: for an unknown id or column.
        """
        return self._reader.read(np.asarray(ids, dtype=np.int64), self.check_columns(columns))

    def map(self) -> pa.Table | None:
        """``id, x, y, group, text``; None where the version has no map."""
        file = self.folder / MAP_FILE
        return pq.read_table(file) if file.is_file() else None

    def questions(self) -> list[dict[str, Any]]:
        """``[{"query": ..., "relevant": [ids]}]``; empty where the corpus has none."""
        file = self.folder / QUESTIONS_FILE
        return list(json.loads(file.read_bytes())) if file.is_file() else []

    def _checked(self, queries: Vectors, size: Size, limit: int) -> Vectors:
        found = as_queries(queries)
        if found.ndim != 2 or found.shape[1] != size.dimensions:
            raise InputError(
                f"queries of shape {found.shape} do not fit", expected=f"{size.dimensions} columns"
            )
        if not np.isfinite(found).all():
            raise InputError("a query is not finite", expected="numbers")
        if limit < 1:
            raise InputError(f"limit={limit} is not possible", expected="1 or more")
        return found

    def check_columns(self, columns: Sequence[str] | None) -> list[str]:
        """The columns that hits show: those asked for, or all kept ones but those of bytes.

        Raises:
            InputError: for an unknown one, naming the nearest.
        """
        if columns is None:
            return [name for name in self.columns if not _is_binary(self.schema.field(name).type)]
        for name in columns:
            if name not in self.columns:
                there = ", ".join(self.columns) or "none"
                what = f"the index keeps no column {name!r}"
                raise InputError(what, expected=f"one of {there}", name=name, known=self.columns)
        return list(dict.fromkeys(columns))

    def _exactly(
        self, queries_QD: Vectors, limit: int, size: Size, conditions: Sequence[Condition]
    ) -> tuple[list[Ids], list[Vectors]]:
        width = self.schema.field(size.column).type.list_size
        indexed = self.record.ann.get(size.column, EXACT).kind != "exact"
        if indexed or self.record.rows * width * 4 > IN_MEMORY:
            batches = self.store.batches([ID, size.column], conditions)
            pairs = ((batch[ID].to_numpy(), vectors_of(batch[size.column])) for batch in batches)
            return nearest_in_stream(pairs, queries_QD, limit, self._measure)
        return self._memory.nearest(size.column, queries_QD, limit, conditions)

    def _dicts(self, ids: Sequence[Ids], names: Sequence[str]) -> list[list[dict[str, Any]]]:
        if not names:
            return [[{} for _ in own] for own in ids]
        flat = iter(self.rows(np.concatenate(ids), names).select(list(names)).to_pylist())
        return [[next(flat) for _ in own] for own in ids]


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
