"""Whose turn it is: several sources merged into one stream, found at any position without replay.

Source i gives its k-th unit at the time ``(k + 1/2) / rate_i``; the stream is the merge of these times,
equal ones in the order of the sources. Rates are relative. Where they are the numbers of units that the
sources hold, one unit of time brings each source through exactly once, and the next one goes on.
A unit is a sample, or a whole batch where batches come from one source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# Shape legend: U units of a span, S sources.


@dataclass(frozen=True)
class Phase:
    """Rates that hold from one unit of the stream on, until the next phase.

    Attributes:
        start: First unit.
        rates: One a source, 0 or more; a source at 0 rests.
    """

    start: int
    rates: tuple[float, ...]


class Mixture:
    """The merge of S sources.

    Args:
        phases: The first one starts at unit 0; starts grow.

    Raises:
        ValueError: for phases that do not, or in which every source rests.

    Example:
        >>> Mixture([Phase(0, (1, 2))]).sources(0, 6).source.tolist()
        [1, 0, 1, 1, 0, 1]
    """

    def __init__(self, phases: Sequence[Phase]) -> None:
        starts = [phase.start for phase in phases]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts:
            raise ValueError(f"phases must start at 0 and grow, got {starts}")
        if any(min(phase.rates) < 0 or max(phase.rates) <= 0 for phase in phases):
            raise ValueError("in each phase one source at least needs a rate above 0, and none below")
        self.phases = tuple(phases)

    def counts(self, unit: int) -> Ints:
        """``(S,)`` units that each source gave before this one."""
        number = self._phase(unit)
        begun = self._begun[number]
        inside = unit - self.phases[number].start
        merged = _merge(np.asarray(self.phases[number].rates, dtype=np.float64), inside, 0)
        return begun + merged.counts_S

    def sources(self, start: int, stop: int) -> Turns:
        """Whose the units ``start .. stop - 1`` are, and which of its own each one is."""
        parts = []
        while start < stop:
            number = self._phase(start)
            last = number + 1 == len(self.phases)
            end = stop if last else min(stop, self.phases[number + 1].start)
            parts.append(self._within(number, start, end))
            start = end
        if not parts:
            return Turns(np.zeros(0, np.int64), np.zeros(0, np.int64))
        return Turns(np.concatenate([p.source for p in parts]), np.concatenate([p.index for p in parts]))

    def _within(self, number: int, start: int, stop: int) -> Turns:
        phase = self.phases[number]
        rates_S = np.asarray(phase.rates, dtype=np.float64)
        merged = _merge(rates_S, start - phase.start, stop - start)
        return Turns(merged.source_U, merged.index_U + self._begun[number][merged.source_U])

    def _phase(self, unit: int) -> int:
        return int(np.searchsorted([phase.start for phase in self.phases], unit, side="right")) - 1

    @cached_property
    def _begun(self) -> list[Ints]:
        """Units of each source before each phase."""
        begun = [np.zeros(len(self.phases[0].rates), np.int64)]
        for phase, following in zip(self.phases, self.phases[1:], strict=False):
            rates_S = np.asarray(phase.rates, dtype=np.float64)
            begun.append(begun[-1] + _merge(rates_S, following.start - phase.start, 0).counts_S)
        return begun


@dataclass(frozen=True)
class Turns:
    """A span of the stream; arrays of one length.

    Attributes:
        source: Number of the source.
        index: How many units the source gave before this one.
    """

    source: Ints
    index: Ints


@dataclass(frozen=True)
class _Merged:
    counts_S: Ints
    source_U: Ints
    index_U: Ints


def _merge(rates_S: NDArray[np.float64], start: int, length: int) -> _Merged:
    """The span that begins ``start`` units into a phase of these rates."""
    active_S = np.flatnonzero(rates_S)
    # At this time at most `start` units are over, and at least `start` less two a source.
    time = max(0.0, (start - len(active_S)) / rates_S.sum())
    counts_S = np.zeros(len(rates_S), np.int64)
    counts_S[active_S] = [_before(time, rates_S[s]) for s in active_S]
    skip = start - int(counts_S.sum())
    assert skip >= 0, "rounding cannot overtake a whole unit a source"
    source_U, index_U = _next(rates_S, active_S, counts_S, skip + length)
    counts_S = counts_S + np.bincount(source_U[:skip], minlength=len(rates_S))
    return _Merged(counts_S, source_U[skip:], index_U[skip:])


def _next(rates_S: NDArray[np.float64], active_S: Ints, counts_S: Ints, length: int) -> tuple[Ints, Ints]:
    """The next ``length`` units when each source has given its count."""
    shares_S = rates_S[active_S] / rates_S.sum()
    # A source is never more than a unit ahead of its share; two more cover the start's own rounding.
    sizes_S = np.ceil(length * shares_S).astype(np.int64) + len(active_S) + 2
    source_U = np.repeat(active_S, sizes_S)
    index_U = np.concatenate([counts_S[s] + np.arange(n) for s, n in zip(active_S, sizes_S, strict=True)])
    order_U = np.lexsort((source_U, (index_U + 0.5) / rates_S[source_U]))[:length]
    return source_U[order_U], index_U[order_U]


def _before(time: float, rate: float) -> int:
    """Units that a source of this rate gives before ``time``, by the very times that are merged."""
    count = max(0, int(np.floor(time * rate + 0.5)))
    while count > 0 and (count - 0.5) / rate >= time:
        count -= 1
    while (count + 0.5) / rate < time:
        count += 1
    return count
