"""What the door counts of each request."""

from __future__ import annotations

import time
from collections.abc import Sequence

from embedworks.serving.metrics.families import IN_HAND, REQUEST_SECONDS, REQUESTS, TOKENS_READ
from embedworks.serving.metrics.meter import METER, Meter
from embedworks.task import Answer

GONE = "499"  # the client went away


class RequestNote:
    """What is known of a request by the time that it is answered.

    Attributes:
        task: What was asked; empty for a path that is none.
        model: A served model; empty where there is none of the name, for anybody can make names up.
        key: Name of the key.
    """

    __slots__ = ("key", "model", "started", "task")

    def __init__(self) -> None:
        self.task = self.model = self.key = ""
        self.started = time.perf_counter()


class RequestMeter:
    """Counts requests of tasks.

    Args:
        meter: Where to.
    """

    def __init__(self, meter: Meter = METER) -> None:
        self._meter = meter
        self._in_hand = 0
        meter.watch(IN_HAND, (), lambda: self._in_hand)

    def begin(self) -> RequestNote:
        """A request came."""
        self._in_hand += 1
        return RequestNote()

    def end(self, note: RequestNote, status: str) -> None:
        """It was answered."""
        self._in_hand -= 1
        self._meter.count(REQUESTS, (note.task, note.model, status, note.key))
        if status == "200":
            seconds = time.perf_counter() - note.started
            self._meter.observe(REQUEST_SECONDS, (note.task, note.model), seconds)

    def read(self, note: RequestNote, answers: Sequence[Answer]) -> None:
        """So many tokens were read for it."""
        tokens = sum(answer.prompt_tokens for answer in answers)
        self._meter.count(TOKENS_READ, (note.model, note.key), tokens)
