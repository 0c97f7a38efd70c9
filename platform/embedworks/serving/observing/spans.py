"""Traces of requests, by OpenTelemetry.

A request's spans are made when it was answered, of times that were taken on the way: one that is not
sampled costs nothing but a random number, and rooms, which may be on other nodes, need no exporter: what
they did comes back with their answer, in their own clock's time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import embedworks
from embedworks.serving.metrics.requests import RequestNote
from embedworks.serving.observing.settings import Tracing
from embedworks.serving.searching.protocol import Searched
from embedworks.task import Answered, Work

PARENT_HEADERS = (b"traceparent", b"tracestate")  # https://www.w3.org/TR/trace-context/
FAILED = 500
UNAUTHORISED = 401

Attributes = Mapping[str, str | int]


class Spans:
    """Writes a share of the requests down as spans: the door, and in it reading, waiting and computing.

    Args:
        tracing: What the configuration says.
        instance: Which replica this is.
        exporter: Where spans go; the default posts them to the endpoint.
        draw: A number from 0 to 1; for tests.
    """

    def __init__(
        self,
        tracing: Tracing,
        instance: str,
        exporter: SpanExporter | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        names = {"service.name": "embedworks", "service.version": embedworks.__version__}
        self._sample = tracing.sample
        self._draw = draw
        # Its own: a global one may be Ray's. Which requests are sampled is decided here.
        self._provider = TracerProvider(resource=Resource.create(names | {"service.instance.id": instance}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or _exporter(tracing)))
        self._tracer = self._provider.get_tracer("embedworks.serving")
        self._parents = TraceContextTextMapPropagator()

    def __call__(self, note: RequestNote) -> None:
        """Write a request down, if it is sampled.

        A client's trace says itself whether it is. Who was not let in has no say in it.
        """
        if not note.task or note.status == UNAUTHORISED:
            return
        parent = self._parent(note.headers)
        if parent is None and self._draw() < self._sample:
            self._write(note, Context())
        elif parent is not None and _context(parent).trace_flags.sampled:
            self._write(note, parent)

    def close(self) -> None:
        """Send what is left, and end."""
        self._provider.shutdown()

    def _parent(self, headers: Mapping[bytes, bytes]) -> Context | None:
        given = {key.decode(): headers[key].decode("latin-1") for key in PARENT_HEADERS if key in headers}
        if "traceparent" not in given:
            return None
        found = self._parents.extract(given, Context())
        return found if _context(found).is_valid else None

    def _write(self, note: RequestNote, parent: Context) -> None:
        # The wall clock as it was: between then and now an answer may have been sent slowly.
        started_ns = time.time_ns() - _nano(time.perf_counter() - note.started)
        route = f"/v1/{note.task}"
        door = self._tracer.start_span(
            f"POST {route}", parent, SpanKind.SERVER, _of_request(note, route), start_time=started_ns
        )
        note.trace_id = trace.format_trace_id(door.get_span_context().trace_id)
        if note.status >= FAILED:
            door.set_status(Status(StatusCode.ERROR))
        inside = trace.set_span_in_context(door, Context())
        for answer in note.answers:
            if answer.work:
                self._write_answer(answer, inside)
            if isinstance(answer, Searched):
                self._write_search(answer, inside)
        door.end(started_ns + _nano(note.seconds))

    def _write_search(self, answer: Searched, parent: Context) -> None:
        found = {"embedworks.hits": answer.hits, "embedworks.exact": int(answer.exact)}
        span = self._tracer.start_span("search", parent, attributes=found, start_time=answer.began_ns)
        span.end(answer.began_ns + _nano(answer.search_s))

    def _write_answer(self, answer: Answered, parent: Context) -> None:
        began_ns = min(work.began_ns for work in answer.work)
        room = self._tracer.start_span(
            "embed", parent, attributes=_of_answer(answer), start_time=began_ns, kind=SpanKind.INTERNAL
        )
        inside = trace.set_span_in_context(room, Context())
        room.end(max(self._write_work(work, inside) for work in answer.work))

    def _write_work(self, work: Work, parent: Context) -> int:
        """What a room did, one after the other; the time at which it ended."""
        now_ns = work.began_ns
        stages: tuple[tuple[str, float, Attributes], ...] = (
            ("tokenise" if work.layers else "read images", work.read_s, {}),
            ("queue", work.queue_s, {}),
            ("compute", work.compute_s, _of_work(work)),
        )
        for name, seconds, attributes in stages:
            span = self._tracer.start_span(name, parent, attributes=attributes, start_time=now_ns)
            now_ns += _nano(seconds)
            span.end(now_ns)
        return now_ns


def _of_request(note: RequestNote, route: str) -> dict[str, str | int]:
    """Names are those of OpenTelemetry's conventions, where they have one."""
    found: dict[str, str | int] = {
        "http.request.method": "POST",
        "http.route": route,
        "http.response.status_code": note.status,
        "gen_ai.operation.name": note.task,
        "embedworks.request_id": note.request_id,
    }
    tokens = sum(answer.prompt_tokens for answer in note.answers)
    optional: dict[str, str | int] = {
        "gen_ai.request.model": "" if note.index else note.model,
        "embedworks.index": note.index,
        "gen_ai.usage.input_tokens": tokens,
        "embedworks.key": note.key,
        "embedworks.fault": note.fault,
        "error.type": note.code or note.kind,
    }
    return found | {key: value for key, value in optional.items() if value}


def _of_answer(answer: Answered) -> dict[str, str | int]:
    return {
        "embedworks.inputs": answer.inputs,
        "embedworks.version": answer.version,
        "gen_ai.usage.input_tokens": answer.prompt_tokens,
        "gen_ai.embeddings.dimension.count": answer.dimensions,
    }


def _of_work(work: Work) -> dict[str, str | int]:
    if not work.layers:
        return {"embedworks.rounds": work.rounds}
    return {
        "embedworks.layers": work.layers,
        "embedworks.rounds": work.rounds,
        "embedworks.round_tokens": work.tokens,
        "embedworks.padded_tokens": work.padding,
    }


def _exporter(tracing: Tracing) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter: Any = OTLPSpanExporter(endpoint=tracing.address)
    return exporter  # type: ignore[no-any-return]


def _context(parent: Context) -> trace.SpanContext:
    return trace.get_current_span(parent).get_span_context()


def _nano(seconds: float) -> int:
    return round(seconds * 1e9)
