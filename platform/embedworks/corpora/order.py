"""The order of samples: a pure function of (corpora, seed), whatever the number of workers.

A corpus is read in epochs. Within an epoch, blocks of consecutive rows are shuffled, and then the rows
inside windows of neighbouring blocks: reading stays nearly sequential, and any position is found
without replaying what came before it. Several corpora take turns in a fixed pattern of their weights.
Epochs join without a gap, so a batch that reaches the end of one is filled from the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

BLOCK_ROWS = 256  # rows that stay neighbours: one parquet row group
WINDOW_BLOCKS = 64  # blocks whose rows are mixed


@dataclass(frozen=True)
class Located:
    """Where samples come from; arrays of one length, one entry a sample.

    Attributes:
        source: Index of the corpus.
        epoch: How often that corpus was read through before.
        row: Row within the corpus's split.
    """

    source: Ints
    epoch: Ints
    row: Ints


class SampleOrder:
    """Maps a sample's index in the endless stream to its corpus, epoch and row.

    Args:
        rows: Rows of each corpus.
        weights: Samples each corpus gives per round of the mixture.
        seed: The stage's seed.
        block_rows: Rows per shuffled block.
        window_blocks: Blocks per window of mixed rows.

    Example:
        >>> order = SampleOrder([4], seed=1)
        >>> sorted(order.locate(0, 4).row.tolist())
        [0, 1, 2, 3]
    """

    def __init__(
        self,
        rows: Sequence[int],
        weights: Sequence[int] | None = None,
        *,
        seed: int,
        block_rows: int = BLOCK_ROWS,
        window_blocks: int = WINDOW_BLOCKS,
    ) -> None:
        self.rows = tuple(rows)
        self.seed = seed
        self.block_rows = block_rows
        self.window_blocks = window_blocks
        self.pattern = interleave(weights or [1] * len(rows))
        self._window = lru_cache(maxsize=16)(self._shuffled_window)
        self._blocks = lru_cache(maxsize=4)(self._shuffled_blocks)

    @property
    def samples_per_pass(self) -> int:
        """Samples until every corpus was read through at least once."""
        rounds = max(
            -(-rows // int((self.pattern == source).sum())) for source, rows in enumerate(self.rows)
        )
        return rounds * len(self.pattern)

    def locate(self, start: int, stop: int) -> Located:
        """Locate the samples ``start .. stop - 1`` of the stream."""
        index = np.arange(start, stop, dtype=np.int64)
        turn, place = np.divmod(index, len(self.pattern))
        source = self.pattern[place]
        position = self._position(source, turn, place)
        epoch, offset = np.divmod(position, np.asarray(self.rows, dtype=np.int64)[source])
        row = np.empty_like(index)
        for key in {(int(s), int(e)) for s, e in zip(source, epoch, strict=True)}:
            chosen = (source == key[0]) & (epoch == key[1])
            row[chosen] = self._rows_at(*key, offset[chosen])
        return Located(source, epoch, row)

    def _position(self, source: Ints, turn: Ints, place: Ints) -> Ints:
        """How many samples of its own corpus came before each sample."""
        position = np.empty_like(turn)
        for number in range(len(self.rows)):
            mine = self.pattern == number
            before = np.cumsum(mine) - mine
            chosen = source == number
            position[chosen] = turn[chosen] * int(mine.sum()) + before[place[chosen]]
        return position

    def _rows_at(self, source: int, epoch: int, offset: Ints) -> Ints:
        window_rows = self.block_rows * self.window_blocks
        rows = np.empty_like(offset)
        # Only the last block is short, and it is kept at the end of the epoch's block order, so that
        # a window begins at a multiple of its size and is found by a division.
        for window in np.unique(offset // window_rows):
            chosen = offset // window_rows == window
            rows[chosen] = self._window(source, epoch, int(window))[offset[chosen] % window_rows]
        return rows

    def _shuffled_blocks(self, source: int, epoch: int) -> Ints:
        whole = self.rows[source] // self.block_rows
        blocks = np.random.default_rng((self.seed, source, epoch)).permutation(whole)
        short = [whole] if self.rows[source] % self.block_rows else []
        return np.concatenate([blocks, np.asarray(short, dtype=np.int64)]).astype(np.int64)

    def _shuffled_window(self, source: int, epoch: int, window: int) -> Ints:
        first = window * self.window_blocks
        blocks = self._blocks(source, epoch)[first : first + self.window_blocks]
        rows = (blocks[:, None] * self.block_rows + np.arange(self.block_rows)).reshape(-1)
        rows = rows[rows < self.rows[source]]
        rng = np.random.default_rng((self.seed, source, epoch, window))
        return rng.permutation(rows)


def interleave(weights: Sequence[int]) -> Ints:
    """One round of a mixture: source numbers, each as often as its weight, spread evenly.

    Raises:
        ValueError: unless every weight is at least 1.

    Example:
        >>> interleave([1, 2]).tolist()
        [1, 0, 1]
    """
    if not weights or min(weights) < 1:
        raise ValueError(f"weights must be whole numbers of at least 1, got {list(weights)}")
    due = [
        ((turn + 0.5) / weight, source) for source, weight in enumerate(weights) for turn in range(weight)
    ]
    return np.asarray([source for _, source in sorted(due)], dtype=np.int64)
