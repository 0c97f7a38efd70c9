"""What exact search keeps in memory of a table: columns of vectors, and columns that are filtered by."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedworks.vectors.exact import Ids, Matrix, Measure, Vectors
from embedworks.vectors.filters import Condition
from embedworks.vectors.inverted import Inverted, is_sparse
from embedworks.vectors.store import Store, read_matrix


class InMemory:
    """Reads columns at their first use, once. Any number of threads may ask.

    Args:
        store: The rows.
        rows: How many there must be.
        measure: How vectors are compared.
    """

    def __init__(self, store: Store, rows: int, measure: Measure) -> None:
        self._store, self._rows, self._measure = store, rows, measure
        self._lock = threading.Lock()
        self._matrices: dict[str, Matrix | Inverted] = {}
        self._columns: dict[str, pa.ChunkedArray] = {}

    def nearest(
        self, column: str, queries_Qd: Vectors, limit: int, conditions: Sequence[Condition]
    ) -> tuple[list[Ids], list[Vectors]]:
        """Ids and scores of each query's best rows among those that pass.

        Raises:
            InputError: where there are more rows or fewer than there must be.
        """
        return self._matrix(column).nearest(queries_Qd, limit, self._passing(conditions))

    def _matrix(self, column: str) -> Matrix | Inverted:
        with self._lock:
            if column not in self._matrices:
                vectors_ND, ids_N = read_matrix(self._store, column, self._rows)
                kind = Inverted if is_sparse(vectors_ND) else Matrix
                self._matrices[column] = kind(vectors_ND, ids_N, self._measure)
            return self._matrices[column]

    def _passing(self, conditions: Sequence[Condition]) -> NDArray[np.intp] | None:
        """Places of the rows that a filter lets through; None for all."""
        if not conditions:
            return None
        masks = [one.mask(self._column(one.column)) for one in conditions]
        return np.flatnonzero(np.logical_and.reduce(masks))

    def _column(self, name: str) -> pa.ChunkedArray:
        with self._lock:
            if name not in self._columns:
                self._columns[name] = self._store.column(name)
            return self._columns[name]
