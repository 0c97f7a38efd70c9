"""The order in which one corpus is read: a pure function of (rows, seed, corpus, epoch).

Within an epoch, blocks of consecutive rows are shuffled, and then the rows inside windows of
neighbouring blocks: reading stays nearly sequential, and any position is found without replaying what
came before it. Epochs join without a gap, each in an order of its own.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

BLOCK_ROWS = 256  # rows that stay neighbours: one Parquet row group
WINDOW_ROWS = 64 * BLOCK_ROWS  # rows that are mixed, unless they are large
WINDOW_BYTES = 64 * 2**20  # of mixed rows: a reader keeps a whole window, decoded

# Shape legend: U positions of a span.


def window_blocks(rows: int, stored_bytes: int) -> int:
    """Blocks whose rows are mixed in a corpus of that size: 64, fewer where rows are large."""
    affordable = int(WINDOW_BYTES / max(1.0, stored_bytes / max(1, rows)))
    return max(1, min(WINDOW_ROWS, affordable) // BLOCK_ROWS)


class ShuffledRows:
    """Maps positions in the endless reading of one corpus to epochs and rows.

    Args:
        rows: Rows of the corpus, at least 1.
        seed: The stage's seed.
        source: Number of the corpus in its mixture; two corpora are shuffled differently.
        block_rows: Rows per shuffled block.
        window: Blocks per window of mixed rows.

    Example:
        >>> epoch, row = ShuffledRows(4, seed=1).locate(np.arange(8))
        >>> epoch.tolist(), sorted(row[:4].tolist()), sorted(row[4:].tolist())
        ([0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 2, 3], [0, 1, 2, 3])
    """

    def __init__(
        self,
        rows: int,
        *,
        seed: int,
        source: int = 0,
        block_rows: int = BLOCK_ROWS,
        window: int = WINDOW_ROWS // BLOCK_ROWS,
    ) -> None:
        self.rows = rows
        self.seed = seed
        self.source = source
        self.block_rows = block_rows
        self.window = window
        self._window_rows = lru_cache(maxsize=16)(self._shuffle_window)
        self._blocks = lru_cache(maxsize=4)(self._shuffle_blocks)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.rows, self.seed, self.source, self.block_rows, self.window))

    def locate(self, position_U: Ints) -> tuple[Ints, Ints]:
        """``(U,)`` epochs and ``(U,)`` rows of positions, in any order."""
        epoch_U, offset_U = np.divmod(position_U, self.rows)
        window_U, inside_U = np.divmod(offset_U, self.block_rows * self.window)
        row_U = np.empty_like(offset_U)
        for epoch, window in np.unique(np.stack([epoch_U, window_U]), axis=1).T.tolist():
            chosen_U = (epoch_U == epoch) & (window_U == window)
            row_U[chosen_U] = self._window_rows(epoch, window)[inside_U[chosen_U]]
        return epoch_U, row_U

    def _shuffle_blocks(self, epoch: int) -> Ints:
        # Only the last block is short, and it is kept at the end of the epoch's block order, so that
        # a window begins at a multiple of its size and is found by a division.
        whole = self.rows // self.block_rows
        blocks = np.random.default_rng((self.seed, self.source, epoch)).permutation(whole)
        short = [whole] if self.rows % self.block_rows else []
        return np.concatenate([blocks, np.asarray(short, dtype=np.int64)]).astype(np.int64)

    def _shuffle_window(self, epoch: int, window: int) -> Ints:
        first = window * self.window
        blocks = self._blocks(epoch)[first : first + self.window]
        rows = (blocks[:, None] * self.block_rows + np.arange(self.block_rows)).reshape(-1)
        rows = rows[rows < self.rows]
        return np.random.default_rng((self.seed, self.source, epoch, window)).permutation(rows)


def _rebuild(rows: int, seed: int, source: int, block_rows: int, window: int) -> ShuffledRows:
    return ShuffledRows(rows, seed=seed, source=source, block_rows=block_rows, window=window)
