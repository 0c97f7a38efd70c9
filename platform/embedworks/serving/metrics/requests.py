"""What the door knows of each request, and counts."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from embedworks.serving.metrics.families import IN_HAND, REFUSALS, REQUEST_SECONDS, REQUESTS, TOKENS_READ
from embedworks.serving.metrics.meter import METER, Buckets, Cell, Meter
from embedworks.serving.refusals import ApiError, place_of
from embedworks.task import Answered

ANSWERED = 200
GONE = 499  # the client went away
ID_HEADER = b"x-request-id"
# What clients call their requests is written into logs: no text, and no API key, looks like this.
SANE = re.compile(rb"(?!ew-)[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


class RequestNote:
    """What is known of a request by the time that it is answered.

    Attributes:
        task: What was asked; empty for a path that is none.
        model: A served model; empty where there is none of the name, for anybody can make names up.
        index: A served index, where one was searched.
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

    # Defaults are the class's, so that a request only pays for what it has.
    task = model = index = key = kind = code = fault = trace_id = _id = ""
    headers: Mapping[bytes, bytes] = MappingProxyType({})
    answers: Sequence[Answered] = ()
    status = 0
    seconds = 0.0

    def __init__(self) -> None:
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


class Tally(NamedTuple):
    """Where requests of one task, model, status and key are counted."""

    requests: Cell
    tokens: Cell
    seconds: Buckets | None


class RequestMeter:
    """Counts requests of tasks.

    Args:
        meter: Where to.
    """

    def __init__(self, meter: Meter = METER) -> None:
        self._meter = meter
        self._in_hand = 0
        self._tallies: dict[tuple[str, str, int, str], Tally] = {}  # one look-up a request
        meter.watch(IN_HAND, (), lambda: self._in_hand)

    def begin(self) -> RequestNote:
        """A request came."""
        self._in_hand += 1
        return RequestNote()

    def end(self, note: RequestNote, status: int) -> None:
        """It was answered."""
        self._in_hand -= 1
        note.status = status
        note.seconds = seconds = time.perf_counter() - note.started
        kind = (note.task, note.model, status, note.key)
        requests, tokens, buckets = self._tallies.get(kind) or self._open(*kind)
        requests[0] += 1
        if buckets is not None:
            buckets.observe(REQUEST_SECONDS.bounds, seconds)
        elif note.kind:
            self._meter.count(REFUSALS, (note.model, str(status), note.kind, note.code))
        for answer in note.answers:
            tokens[0] += answer.prompt_tokens

    def _open(self, task: str, model: str, status: int, key: str) -> Tally:
        meter, is_answered = self._meter, status == ANSWERED
        tally = Tally(
            meter.cell(REQUESTS, (task, model, str(status), key)),
            meter.cell(TOKENS_READ, (model, key)) if model else [0.0],
            meter.histogram(REQUEST_SECONDS, (task, model)) if is_answered else None,
        )
        self._tallies[task, model, status, key] = tally
        return tally
