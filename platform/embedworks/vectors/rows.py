"""Rows of a table by their ids, which need not be their places."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.vectors.exact import Ids
from embedworks.vectors.records import ID
from embedworks.vectors.store import Store


class RowReader:
    """Reads rows; the ids are read and sorted at the first use. Any number of threads may ask."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._order: tuple[Ids, NDArray[np.intp]] | None = None

    def read(self, ids_N: Ids, columns: Sequence[str]) -> pa.Table:
        """The id and the columns of rows, in the order given; one may be asked for twice.

        Raises:
            InputError: for an unknown id.
        """
        if len(ids_N):
            found = self._store.take(self._places(ids_N).tolist(), columns)
        else:
            found = self._store.schema.empty_table().select(list(columns))
        return found.add_column(0, ID, pa.array(ids_N, pa.int64()))

    def _places(self, ids_N: Ids) -> NDArray[np.intp]:
        sorted_N, order_N = self._sorted()
        found_N = np.minimum(np.searchsorted(sorted_N, ids_N), max(0, len(sorted_N) - 1))
        wrong_N = ids_N[sorted_N[found_N] != ids_N] if len(sorted_N) else ids_N
        if len(wrong_N):
            raise InputError(f"the index has no row {wrong_N[0]}", expected="ids that a search gave")
        return order_N[found_N]

    def _sorted(self) -> tuple[Ids, NDArray[np.intp]]:
        with self._lock:
            if self._order is None:
                numbers_N = self._store.column(ID).to_numpy()
                order_N = np.argsort(numbers_N, kind="stable")
                self._order = numbers_N[order_N], order_N
            return self._order
