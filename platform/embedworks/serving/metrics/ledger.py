"""Adds up what the processes of an endpoint report, those that ended included. Knows nothing of Ray."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from embedworks.serving.metrics.families import PROCESSES
from embedworks.serving.metrics.meter import Snapshot
from embedworks.serving.metrics.traffic import Traffic, traffic

SILENT_S = 10.0  # a process that says nothing for so long has ended
WINDOW_S = 10.0  # of rates
MOST_ENDED = 100  # processes whose counts are kept apart, should one not have ended


@dataclass(frozen=True)
class Report:
    """A process's last word.

    Attributes:
        part: ``door`` or ``room``.
        snapshot: Everything that it has counted.
        at: When it came.
    """

    part: str
    snapshot: Snapshot
    at: float


class Ledger:
    """Totals over all processes, and how they were some seconds ago.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reports: dict[str, Report] = {}
        self._ended: dict[str, Snapshot] = {}
        self._older = Snapshot()  # of those that ended so long ago that they will not come back
        self._past: deque[tuple[float, Snapshot]] = deque()

    def take(self, process: str, part: str, snapshot: Snapshot) -> None:
        """Note what a process has counted since its start."""
        now = self._clock()
        self._ended.pop(process, None)  # it was silent, cut off perhaps, and counts on from where it was
        self._reports[process] = Report(part, snapshot, now)
        if not self._past or now - self._past[-1][0] >= 1.0:
            self._past.append((now, self.totals()))
        while len(self._past) > 1 and now - self._past[1][0] >= WINDOW_S:
            self._past.popleft()

    def totals(self) -> Snapshot:
        """The sum of all processes. Counters of those that ended stay; their gauges go."""
        self._bury()
        whole = self._older
        for snapshot in (*self._ended.values(), *(each.snapshot for each in self._reports.values())):
            whole = whole.add(snapshot)
        parts = [report.part for report in self._reports.values()]
        counted = {(PROCESSES.name, (part,)): float(parts.count(part)) for part in sorted(set(parts))}
        return Snapshot(whole.counters, whole.buckets, whole.gauges | counted)

    def traffic(self) -> dict[str, Traffic]:
        """What the models did over the last seconds."""
        now = self.totals()
        since, before = self._past[0] if self._past else (self._clock(), now)
        seconds = max(self._clock() - since, 1e-3)
        return traffic(now.add(before, -1), now, seconds)

    def _bury(self) -> None:
        now = self._clock()
        for process in [name for name, each in self._reports.items() if now - each.at > SILENT_S]:
            last = self._reports.pop(process).snapshot
            self._ended[process] = Snapshot(last.counters, last.buckets)
        while len(self._ended) > MOST_ENDED:
            self._older = self._older.add(self._ended.pop(next(iter(self._ended))))
