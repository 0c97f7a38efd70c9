"""Takes the times of one request in its room, for traces and logs; what is taken costs it a microsecond."""

from __future__ import annotations

import time

from embedworks.task import Work


class Stopwatch:
    """Started when a request's inputs are begun to be read.

    Args:
        layers: That will be run; 0 for images.
    """

    __slots__ = (
        "_began",
        "_began_ns",
        "_ended",
        "_layers",
        "_padding",
        "_read",
        "_rounds",
        "_started",
        "_tokens",
    )

    def __init__(self, layers: int) -> None:
        self._began_ns = time.time_ns()
        self._began = self._read = self._started = self._ended = time.perf_counter()
        self._layers = layers
        self._rounds = self._tokens = self._padding = 0

    def read(self) -> None:
        """The inputs are token ids, or pixels: from here on they wait."""
        self._read = self._started = self._ended = time.perf_counter()

    def round(self, started: float, ended: float, tokens: int, padding: int) -> None:
        """Some of the inputs were in a round.

        Args:
            started: When it began, as ``time.perf_counter`` has it.
            ended: When it was over.
            tokens: Of the whole round.
            padding: Beside them.
        """
        if not self._rounds:
            self._started = started
        self._ended = ended
        self._rounds += 1
        self._tokens += tokens
        self._padding += padding

    def work(self) -> Work:
        """What was taken."""
        return Work(
            self._began_ns,
            self._read - self._began,
            self._started - self._read,
            self._ended - self._started,
            self._layers,
            self._rounds,
            self._tokens,
            self._padding,
        )
