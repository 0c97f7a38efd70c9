"""Row groups that were decoded lately, so that a window of shuffled rows is decoded once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

import pyarrow as pa

CACHE_BYTES = 256 * 2**20  # decoded; a few times the window of rows that are mixed, which is stored smaller


class DecodedGroups:
    """The tables that were used last, up to so many bytes in memory.

    Args:
        limit: Bytes; the newest table is kept whatever its size.
    """

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self.limit = limit
        self._tables: OrderedDict[Hashable, pa.Table] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable) -> pa.Table | None:
        """The table of that key, if it is still there."""
        if key in self._tables:
            self._tables.move_to_end(key)
        return self._tables.get(key)

    def put(self, key: Hashable, table: pa.Table) -> None:
        """Keep a table, and forget the ones that were not used for longest."""
        self._bytes += table.nbytes
        self._tables[key] = table
        while self._bytes > self.limit and len(self._tables) > 1:
            _, oldest = self._tables.popitem(last=False)
            self._bytes -= oldest.nbytes
