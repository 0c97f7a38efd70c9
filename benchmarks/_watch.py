"""What a tree of processes uses, sampled while it runs, and how much of the machine others took."""

from __future__ import annotations

import os
import threading
import time

import psutil

SAMPLE_SECONDS = 0.5


class Watch:
    """Samples a process and its descendants until the block ends.

    Args:
        pid: The process.
        memory: Whether to sample memory, which costs more than CPU time.

    Attributes:
        peak_bytes: The most that they held at once; pages that they share count once.
        cpu_seconds: What they used.
        others_cpu: Share of the machine's CPU time that went to other processes.
    """

    def __init__(self, pid: int, memory: bool) -> None:
        self.pid = pid
        self.memory = memory
        self.peak_bytes = 0
        self.cpu_seconds = 0.0
        self.others_cpu = 0.0
        self._seconds: dict[int, float] = {}  # of each process when it was last seen
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self._begun, self._busy = time.perf_counter(), busy_seconds()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        wall = time.perf_counter() - self._begun
        busy = busy_seconds() - self._busy
        self._stop.set()
        self._thread.join()
        self.cpu_seconds = sum(self._seconds.values())
        others = busy - self.cpu_seconds
        self.others_cpu = max(0.0, others / (wall * (os.cpu_count() or 1)))

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.sample()

    def sample(self) -> None:
        """Look now, for what ends before the next look."""
        held = 0
        for process in tree(self.pid):
            try:
                times = process.cpu_times()
                self._seconds[process.pid] = times.user + times.system
                held += process.memory_full_info().pss if self.memory else 0
            except psutil.Error:  # it has just ended
                continue
        self.peak_bytes = max(self.peak_bytes, held)


def tree(pid: int) -> list[psutil.Process]:
    """A process and its descendants; none once it has ended."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def busy_seconds() -> float:
    """CPU seconds that this machine has spent on anything."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)
