"""Batches by a budget of padded tokens, of samples that are about equally long.

Samples are taken in the order of the stream, a window at a time, sorted by length inside the window and
cut where padding would exceed the budget; what does not fill a batch goes on to the next window. The
batches of a window are then shuffled. All of it follows from the stream and the lengths, so batches
depend on neither timing nor workers. The plan is made once and keeps a few rows a window; a window's
batches are made again where they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from embedworks.corpora.plan import Ints, LastBatch, Located, Samples, Tally, count

WINDOW_SAMPLES = 8192

# Shape legend: N samples, F padded fields of a sample (a query, its candidates).


class Lengths:
    """Tokens of each field of each row of a corpus, from a file that is mapped into memory.

    Args:
        file: A ``.npy`` file of shape ``(rows, F)``.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._table: Ints | None = None

    def __reduce__(self) -> tuple[type[Lengths], tuple[Path]]:
        return (Lengths, (self.file,))

    def __call__(self, row_N: Ints) -> Ints:
        """``(N, F)`` lengths of rows."""
        if self._table is None:
            self._table = np.load(self.file, mmap_mode="r")
        return np.asarray(self._table[row_N], dtype=np.int64)


class TokenBatches:
    """Batches whose padded size is at most ``batch_tokens``.

    A batch of n samples costs ``n * sum_f max(length of field f)``. A sample that costs more than the
    budget by itself is a batch of its own.

    Args:
        samples: The stream.
        lengths: One a corpus.
        batch_tokens: The budget.
        seed: Of the order of a window's batches.
        steps: Steps of the run; None to read ``total`` samples.
        total: Samples asked of each corpus, where the run is measured in passes.
        last_batch: As for :class:`.SampleBatches`; concerns what the last window leaves over.
        window: Samples that are sorted at a time.
    """

    def __init__(
        self,
        samples: Samples,
        lengths: Sequence[Lengths],
        batch_tokens: int,
        *,
        seed: int,
        steps: int | None = None,
        total: Sequence[int] | None = None,
        last_batch: LastBatch = "pad",
        window: int = WINDOW_SAMPLES,
    ) -> None:
        assert (steps is None) != (total is None), "a run is measured in steps or in passes"
        self.samples = samples
        self.lengths = tuple(lengths)
        self.batch_tokens = batch_tokens
        self.seed = seed
        self.window = window
        self.total = None if total is None else tuple(total)
        self.last_batch = last_batch
        self._starts = [0]  # first step of each window
        self._carried = [samples.locate(0, 0)]  # what the window before left over
        self._groups = lru_cache(maxsize=4)(self._make_groups)
        self._plan_to(steps)
        self.steps = steps or self._starts[-1]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_groups"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._groups = lru_cache(maxsize=4)(self._make_groups)

    def batch(self, step: int) -> Located:
        """The global batch of a step, long samples first."""
        self._plan_to(step + 1)
        window = int(np.searchsorted(self._starts, step, side="right")) - 1
        return self._groups(window)[0][step - self._starts[window]]

    def size(self, step: int) -> int:
        """Samples of a step's global batch."""
        return len(self.batch(step))

    def smallest(self) -> int:
        """Samples of the smallest batch of the run."""
        return min(len(group) for w in range(len(self._starts) - 1) for group in self._groups(w)[0])

    def tally(self, steps: int | None = None) -> Tally:
        """What the first so many steps read; by default the whole run."""
        stop = self.steps if steps is None else steps
        self._plan_to(stop)
        window = max(0, int(np.searchsorted(self._starts, stop, side="left")) - 1)
        # Windows before this one are used up, but for what they left to it.
        before_S = self.samples.mixture.counts(self._first(window)) - self._by_source(
            [self._carried[window]]
        )
        inside = [self.batch(step) for step in range(self._starts[window], stop)]
        given_S = before_S + self._by_source(inside)
        return count(given_S, self.samples.orders, self.total if steps is None else None)

    def _by_source(self, parts: Sequence[Located]) -> Ints:
        source_N = np.concatenate([part.source for part in parts] or [np.zeros(0, np.int64)])
        return np.bincount(source_N, minlength=len(self.samples.orders))

    def _first(self, window: int) -> int:
        """First sample of a window."""
        first = window * self.window
        return first if self.total is None else min(first, sum(self.total))

    def _plan_to(self, steps: int | None) -> None:
        """Find out where windows start, up to a step or to the end of the passes."""
        while not self._ended() and (steps is None or self._starts[-1] < steps):
            groups, left = self._groups(len(self._starts) - 1)
            self._starts.append(self._starts[-1] + len(groups))
            self._carried.append(left)

    def _ended(self) -> bool:
        return self.total is not None and (len(self._starts) - 1) * self.window >= sum(self.total)

    def _make_groups(self, window: int) -> tuple[list[Located], Located]:
        """A window's batches in their final order, and what is left over."""
        first, stop = self._first(window), self._first(window + 1)
        pool = Located.join([self._carried[window], self.samples.locate(first, stop)])
        size_NF = self._size(pool)
        order_N = np.argsort(-size_NF.sum(1), kind="stable")
        pool, size_NF = pool.take(order_N), size_NF[order_N]
        groups = [pool.take(slice(*span)) for span in self._cut(size_NF)]
        left = groups.pop()
        if self.total is not None and stop == sum(self.total):
            groups += self._last(left)
            left = left.take(slice(0, 0))
        order = np.random.default_rng((self.seed, window)).permutation(len(groups))
        return [groups[i] for i in order], left

    def _cut(self, size_NF: Ints) -> Iterator[tuple[int, int]]:
        """Spans of samples that fit the budget together."""
        start, guess = 0, 64
        while start < len(size_NF):
            longest_NF = np.maximum.accumulate(size_NF[start : start + guess])
            cost_N = longest_NF.sum(1) * np.arange(1, len(longest_NF) + 1)
            fitting = int(np.searchsorted(cost_N, self.batch_tokens, side="right"))
            if fitting == len(cost_N) and start + guess < len(size_NF):
                guess *= 2
                continue
            yield start, start + max(1, fitting)
            start += max(1, fitting)

    def _last(self, left: Located) -> list[Located]:
        """What becomes of the samples that do not fill the run's last batch."""
        if self.last_batch == "drop":
            return []
        if self.last_batch == "short":
            return [left]
        end = sum(self.total or ())
        pool = Located.join([left, self.samples.locate(end, end + self.window)])
        _, stop = next(self._cut(self._size(pool)))
        return [pool.take(slice(0, max(stop, len(left))))]

    def _size(self, located: Located) -> Ints:
        """``(N, F)`` lengths of samples."""
        parts = [
            (located.source == source, lengths(located.row[located.source == source]))
            for source, lengths in enumerate(self.lengths)
        ]
        size_NF = np.zeros((len(located), parts[0][1].shape[1]), np.int64)
        for chosen_N, lengths_NF in parts:
            size_NF[chosen_N] = lengths_NF
        return size_NF
