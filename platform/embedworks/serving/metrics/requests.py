"""What the door knows of each request, and counts."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence

from embedworks.serving.metrics.families import IN_HAND, REFUSALS, REQUEST_SECONDS, REQUESTS, TOKENS_READ
from embedworks.serving.metrics.meter import METER, Meter
from embedworks.serving.refusals import ApiError, place_of
from embedworks.task import Answer

GONE = 499  # the client went away
ID_HEADER = b"x-request-id"
# What clients call their requests is written into logs: no text, and no API key, looks like this.
SANE = re.compile(rb"(?!ew-)[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


class RequestNote:
    """What is known of a request by the time that it is answered.

    Attributes:
        task: What was asked; empty for a path that is none.
        model: A served model; empty where there is none of the name, for anybody can make names up.
        key: Name of the key.
        headers: Of the request, its API key among them: only what names it is read from them.
        status: HTTP status.
        kind: The error's type, as the answer has it; empty where there was none.
        code: The error's code, if it has one.
        fault: What failed unforeseen, and where.
        answers: Of the model.
        seconds: From the request to its answer.
        trace_id: Of the trace that it is in; empty for none.
    """

    __slots__ = (
        "_id",
        "answers",
        "code",
        "fault",
        "headers",
        "key",
        "kind",
        "model",
        "seconds",
        "started",
        "status",
        "task",
        "trace_id",
    )

    def __init__(self) -> None:
        self.task = self.model = self.key = self.kind = self.code = self.fault = ""
        self._id = self.trace_id = ""
        self.headers: Mapping[bytes, bytes] = {}
        self.status = 0
        self.answers: Sequence[Answer] = ()
        self.seconds = 0.0
        self.started = time.perf_counter()

    @property
    def request_id(self) -> str:
        """What the client calls the request in ``x-request-id``, if that is sane, else a name of ours."""
        if not self._id:
            given = self.headers.get(ID_HEADER, b"")
            self._id = given.decode() if SANE.fullmatch(given) else secrets.token_hex(8)
        return self._id

    def refuse(self, error: ApiError) -> None:
        """It was refused."""
        self.kind, self.code = error.error["type"] or "", error.error["code"] or ""

    def fail(self, error: Exception) -> None:
        """It failed by a fault of ours."""
        self.kind, self.fault = "server_error", f"{type(error).__name__} at {place_of(error)}"


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

    def end(self, note: RequestNote, status: int) -> None:
        """It was answered."""
        self._in_hand -= 1
        note.status, word = status, str(status)
        note.seconds = time.perf_counter() - note.started
        self._meter.count(REQUESTS, (note.task, note.model, word, note.key))
        if status == 200:
            self._meter.observe(REQUEST_SECONDS, (note.task, note.model), note.seconds)
        elif note.kind:
            self._meter.count(REFUSALS, (note.model, word, note.kind, note.code))

    def read(self, note: RequestNote, answers: Sequence[Answer]) -> None:
        """So many tokens were read for it."""
        note.answers = answers
        tokens = sum(answer.prompt_tokens for answer in answers)
        self._meter.count(TOKENS_READ, (note.model, note.key), tokens)
