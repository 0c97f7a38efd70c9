"""What one process counts, in plain numbers: counting costs a request microseconds, and nothing is sent."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedworks.serving.metrics.families import ALIKE, Family

Labels = tuple[str, ...]
Series = tuple[str, Labels]  # name of the family, values of its labels
Cell = list[float]  # of one number, to add to


@dataclass
class Buckets:
    """A histogram's series.

    Attributes:
        counts: Observations up to each bound and not to the one before, and those beyond the last.
        total: Sum of what was observed.
    """

    counts: list[int]
    total: float = 0.0

    def observe(self, bounds: tuple[float, ...], value: float) -> None:
        """Add an observation."""
        self.counts[bisect_left(bounds, value)] += 1
        self.total += value

    def add(self, other: Buckets, sign: int = 1) -> Buckets:
        """The sum of both, or the difference."""
        counts = [mine + sign * theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        return Buckets(counts, self.total + sign * other.total)


@dataclass
class Snapshot:
    """What was counted until a moment.

    Attributes:
        counters: Series to how much.
        buckets: Series to histogram.
        gauges: Series to what it is now.
    """

    counters: dict[Series, float] = field(default_factory=dict)
    buckets: dict[Series, Buckets] = field(default_factory=dict)
    gauges: dict[Series, float] = field(default_factory=dict)

    def add(self, other: Snapshot, sign: int = 1) -> Snapshot:
        """The sum of two processes, or what came between two moments of one (``sign`` -1)."""
        counters, buckets, gauges = dict(self.counters), dict(self.buckets), dict(self.gauges)
        for series, value in other.counters.items():
            counters[series] = counters.get(series, 0.0) + sign * value
        for series, found in other.buckets.items():
            empty = Buckets([0] * len(found.counts))
            buckets[series] = buckets.get(series, empty).add(found, sign)
        for series, value in other.gauges.items():
            gauges[series] = value if series[0] in ALIKE else gauges.get(series, 0.0) + sign * value
        return Snapshot(counters, buckets, gauges)


class Meter:
    """Counts, from the event loop and from threads: each series belongs to one of them at a time."""

    def __init__(self) -> None:
        self._counters: dict[Series, Cell] = {}
        self._buckets: dict[Series, Buckets] = {}
        self._gauges: dict[Series, Callable[[], float]] = {}

    def count(self, family: Family, labels: Labels, by: float = 1.0) -> None:
        """Add to a counter."""
        self.cell(family, labels)[0] += by

    def observe(self, family: Family, labels: Labels, value: float) -> None:
        """Add an observation to a histogram."""
        self.histogram(family, labels).observe(family.bounds, value)

    def cell(self, family: Family, labels: Labels) -> Cell:
        """Where a counter's series is counted, for whoever counts often."""
        series = (family.name, labels)
        return self._counters.get(series) or self._counters.setdefault(series, [0.0])

    def histogram(self, family: Family, labels: Labels) -> Buckets:
        """A histogram's series, for whoever observes often."""
        series = (family.name, labels)
        found = self._buckets.get(series)
        return found or self._buckets.setdefault(series, Buckets([0] * (len(family.bounds) + 1)))

    def watch(self, family: Family, labels: Labels, now: Callable[[], float]) -> None:
        """Ask for a gauge's value whenever a snapshot is taken."""
        self._gauges[family.name, labels] = now

    def unwatch(self, family: Family, labels: Labels, now: Callable[[], float]) -> None:
        """Ask no more, unless another one has taken the place."""
        if self._gauges.get((family.name, labels)) == now:
            del self._gauges[family.name, labels]

    def snapshot(self) -> Snapshot:
        """Everything until now."""
        buckets = {
            series: Buckets(list(each.counts), each.total) for series, each in dict(self._buckets).items()
        }
        gauges = {series: now() for series, now in dict(self._gauges).items()}
        counters = {series: cell[0] for series, cell in dict(self._counters).items()}
        return Snapshot(counters, buckets, gauges)


METER = Meter()  # of this process


def by_label(values: Mapping[Series, Any], family: Family) -> dict[Labels, Any]:
    """The series of one family."""
    return {labels: value for (name, labels), value in values.items() if name == family.name}
