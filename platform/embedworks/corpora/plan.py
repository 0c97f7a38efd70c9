"""Which rows every step receives: a pure function of corpora, mixing, seed and step.

The number of workers does not enter, so a step's global batch is the same for any of them, and a run
that is resumed at a step asks for that step's rows and replays nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.mixture import Mixture
from embedworks.corpora.order import ShuffledRows

Ints = NDArray[np.int64]
LastBatch = Literal["pad", "short", "drop"]

# Shape legend: N samples of a batch, S corpora.


@dataclass(frozen=True)
class Located:
    """Where the samples of a batch come from; arrays of one length.

    Attributes:
        source: Number of the corpus.
        epoch: How often that corpus was read through before.
        row: Row within the corpus's split.
    """

    source: Ints
    epoch: Ints
    row: Ints

    def __len__(self) -> int:
        return len(self.row)

    def take(self, index: Ints | slice) -> Located:
        """Some of the samples, in the order of ``index``."""
        return Located(self.source[index], self.epoch[index], self.row[index])

    @classmethod
    def join(cls, parts: Sequence[Located]) -> Located:
        """Several spans, one behind the other."""
        return cls(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("source", "epoch", "row")))


class BatchPlan(Protocol):
    """What every plan of batches answers."""

    steps: int

    def batch(self, step: int) -> Located:
        """The global batch of a step; a run that is measured in steps has no last one."""
        ...

    def size(self, step: int) -> int:
        """Samples of a step's global batch."""
        ...

    def smallest(self) -> int:
        """Samples of the smallest batch of the run."""
        ...

    def tally(self, steps: int | None = None) -> Tally:
        """What the first so many steps read; by default the whole run."""
        ...


@dataclass(frozen=True)
class Tally:
    """Exact counts of a whole run, one number a corpus.

    Attributes:
        given: Samples that some step receives.
        passes: These as a multiple of the corpus.
        ahead: Samples of a further pass that fill the last batch (``pad``); part of ``given``.
        dropped: Samples that the passes asked for and no step receives (``drop``).
    """

    given: tuple[int, ...]
    passes: tuple[float, ...]
    ahead: tuple[int, ...]
    dropped: tuple[int, ...]


@dataclass(frozen=True)
class Samples:
    """The endless stream of single samples, corpora taking turns.

    Attributes:
        orders: Each corpus's own order.
        mixture: Whose turn it is, a unit being a sample.
    """

    orders: tuple[ShuffledRows, ...]
    mixture: Mixture

    def locate(self, start: int, stop: int) -> Located:
        """The samples ``start .. stop - 1`` of the stream."""
        turns = self.mixture.sources(start, stop)
        return locate(self.orders, turns.source, turns.index)


class SampleBatches:
    """Batches of a fixed number of consecutive samples of the stream.

    Args:
        samples: The stream.
        batch_size: Samples of a full batch.
        steps: Steps of the run; None to read ``total`` samples.
        total: Samples asked of each corpus, where the run is measured in passes.
        last_batch: What becomes of the samples of ``total`` that do not fill a batch: ``pad`` fills it
            from the next pass, ``short`` leaves it small, ``drop`` leaves it out.
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        *,
        steps: int | None = None,
        total: Sequence[int] | None = None,
        last_batch: LastBatch = "pad",
    ) -> None:
        assert (steps is None) != (total is None), "a run is measured in steps or in passes"
        self.samples = samples
        self.batch_size = batch_size
        self.total = None if total is None else tuple(total)
        asked = sum(total or ())
        self.steps = steps or (asked // batch_size if last_batch == "drop" else -(-asked // batch_size))
        self._end = asked if total and last_batch == "short" else None

    def batch(self, step: int) -> Located:
        """The global batch of a step."""
        return self.samples.locate(self._limited(step), self._limited(step + 1))

    def size(self, step: int) -> int:
        """Samples of a step's global batch."""
        return self._limited(step + 1) - self._limited(step)

    def smallest(self) -> int:
        """Samples of the smallest batch of the run: the last one's."""
        return self.size(max(0, self.steps - 1))

    def tally(self, steps: int | None = None) -> Tally:
        """What the first so many steps read; by default the whole run."""
        read = self._limited(self.steps if steps is None else steps)
        asked = self.total if steps is None else None
        return count(self.samples.mixture.counts(read), self.samples.orders, asked)

    def _limited(self, step: int) -> int:
        sample = step * self.batch_size
        return sample if self._end is None else min(sample, self._end)


class SingleSourceBatches:
    """Every batch comes from one corpus; corpora take turns batch by batch.

    Args:
        plans: Each corpus's own batches.
        mixture: Whose turn it is, a unit being a batch.
        steps: Steps of the run.
    """

    def __init__(self, plans: Sequence[BatchPlan], mixture: Mixture, steps: int) -> None:
        self.plans = tuple(plans)
        self.mixture = mixture
        self.steps = steps

    def batch(self, step: int) -> Located:
        """The global batch of a step."""
        source, turn = self._turn(step)
        own = self.plans[source].batch(turn)
        return Located(np.full_like(own.row, source), own.epoch, own.row)

    def size(self, step: int) -> int:
        """Samples of a step's global batch."""
        source, turn = self._turn(step)
        return self.plans[source].size(turn)

    def smallest(self) -> int:
        """Samples of the smallest batch of the run."""
        return min(plan.smallest() for plan in self.plans if plan.steps)

    def tally(self, steps: int | None = None) -> Tally:
        """What the first so many steps read; by default the whole run."""
        turns_S = self.mixture.counts(self.steps if steps is None else steps).tolist()
        parts = []
        for plan, turns in zip(self.plans, turns_S, strict=True):
            parts.append(plan.tally(None if turns == plan.steps else turns))
        return Tally(*(sum((getattr(p, f.name) for p in parts), start=()) for f in fields(Tally)))

    def _turn(self, step: int) -> tuple[int, int]:
        turns = self.mixture.sources(step, step + 1)
        return int(turns.source[0]), int(turns.index[0])


def locate(orders: Sequence[ShuffledRows], source_N: Ints, index_N: Ints) -> Located:
    """Turns to rows: ``index`` counts a source's own samples."""
    epoch_N, row_N = np.empty_like(index_N), np.empty_like(index_N)
    for source in np.unique(source_N).tolist():
        chosen_N = source_N == source
        epoch_N[chosen_N], row_N[chosen_N] = orders[source].locate(index_N[chosen_N])
    return Located(source_N, epoch_N, row_N)


def count(given_S: Ints, orders: Sequence[ShuffledRows], total: Sequence[int] | None) -> Tally:
    """Compare what is given with what was asked; without ``total`` nothing in particular was."""
    given = tuple(int(n) for n in given_S)
    asked = given if total is None else tuple(total)
    return Tally(
        given=given,
        passes=tuple(n / order.rows for n, order in zip(given, orders, strict=True)),
        ahead=tuple(max(0, n - wanted) for n, wanted in zip(given, asked, strict=True)),
        dropped=tuple(max(0, wanted - n) for n, wanted in zip(given, asked, strict=True)),
    )
