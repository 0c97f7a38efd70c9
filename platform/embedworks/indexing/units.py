"""Units of work: contiguous row ranges of a split, small enough to hold in memory and to do again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedworks.corpora.manifest import Shard

LEAST_ROWS = 512  # enough lengths for full batches
MOST_ROWS = 16_384
PARTS = 32  # a corpus is cut into about so many units, within these bounds, so that workers end together
UNIT_BYTES = 64 << 20


@dataclass(frozen=True)
class Unit:
    """Rows ``first`` to ``first + rows - 1`` of a split.

    Attributes:
        number: Its place among the units of the split.
        first: Row number in the split.
        rows: How many.
    """

    number: int
    first: int
    rows: int

    @property
    def stop(self) -> int:
        """The row behind the last one."""
        return self.first + self.rows


def unit_rows(rows: int) -> int:
    """Rows of a unit of a split with ``rows`` rows."""
    return min(MOST_ROWS, max(LEAST_ROWS, -(-rows // PARTS)))


def cut_units(
    shards: Sequence[Shard], rows: int, vector_bytes: int, max_rows: int, max_bytes: int = UNIT_BYTES
) -> list[Unit]:
    """Cut the first ``rows`` rows of a split into units; the same every time.

    A unit ends where it has ``max_rows`` rows, or where its vectors and its share of the shards' stored
    bytes would be more than ``max_bytes``; one row is always taken.

    Args:
        shards: Of the split, in order.
        rows: How many of its rows.
        vector_bytes: That one row's vectors take.
        max_rows: Rows of a unit at most.
        max_bytes: Bytes of a unit at most.
    """
    units: list[Unit] = []
    first = taken = 0
    room = float(max_bytes)
    for shard in shards:
        each = vector_bytes + shard.bytes / max(1, shard.rows)
        left = min(shard.rows, rows - first - taken)
        while left > 0:
            fitting = min(left, max_rows - taken, int(room // each))
            if fitting < 1 and taken:
                units.append(Unit(len(units), first, taken))
                first, taken, room = first + taken, 0, float(max_bytes)
                continue
            step = max(1, fitting)
            taken, left, room = taken + step, left - step, room - step * each
    if taken:
        units.append(Unit(len(units), first, taken))
    return units
