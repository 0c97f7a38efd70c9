"""What the room of an index counts: searches, the version in use, and versions that could not be opened."""

from __future__ import annotations

from collections.abc import Callable

from embedworks.serving.metrics.families import INDEX_FAILURES, INDEX_REPLICAS, INDEX_ROWS, SEARCH_SECONDS
from embedworks.serving.metrics.meter import METER, Meter

EMBED, SEARCH = "embed", "search"  # the parts of a search


class IndexMeter:
    """Hears of the room of an index.

    Args:
        index: Its name.
        meter: Where to.
    """

    def __init__(self, index: str, meter: Meter = METER) -> None:
        self._index = index
        self._meter = meter
        self._watched: tuple[tuple[str, str], Callable[[], float], Callable[[], float]] | None = None
        self._parts = [meter.histogram(SEARCH_SECONDS, (index, part)) for part in (EMBED, SEARCH)]

    def searched(self, embed_s: float, search_s: float) -> None:
        """A request was answered."""
        for buckets, seconds in zip(self._parts, (embed_s, search_s), strict=True):
            buckets.observe(SEARCH_SECONDS.bounds, seconds)

    def answers(self, version: str, rows: int) -> None:
        """A version answers from now on."""
        self.close()
        labels = (self._index, version)
        self._watched = (labels, lambda: float(rows), lambda: 1.0)
        self._meter.watch(INDEX_ROWS, labels, self._watched[1])
        self._meter.watch(INDEX_REPLICAS, labels, self._watched[2])

    def failed(self) -> None:
        """A version could not be opened."""
        self._meter.count(INDEX_FAILURES, (self._index,))

    def close(self) -> None:
        """No version answers here any more."""
        if self._watched:
            labels, rows, replicas = self._watched
            self._meter.unwatch(INDEX_ROWS, labels, rows)
            self._meter.unwatch(INDEX_REPLICAS, labels, replicas)
            self._watched = None
