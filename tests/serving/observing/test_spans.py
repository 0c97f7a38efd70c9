"""Requests as OpenTelemetry has them: one trace each, of what the door and the room did."""

from __future__ import annotations

import asyncio
import base64
import pickle
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from embedworks.serving.asgi import Api
from embedworks.serving.config import Served
from embedworks.serving.deployments import LocalRoom
from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.observing.settings import Tracing, can_export
from embedworks.serving.observing.spans import Spans
from embedworks.task import EmbeddingRequest
from helpers.asgi import post, tiny_api
from helpers.collector import Collector
from helpers.pictures import picture, tiny_dual
from helpers.tiny import tiny_model

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TEXTS = ["the cat", "the cat and the bird sing in the old river"]


class Traced:
    """An API, and the spans of its requests by name."""

    def __init__(self, sample: float = 1.0, gate: Gate | None = None, **served: Any) -> None:
        self.api, self.room = tiny_api(tiny_model(), gate, **served)
        self.exporter = InMemorySpanExporter()
        tracing = Tracing(endpoint="http://nowhere:4318", sample=sample)
        self.spans = Spans(tracing, "replica-1", self.exporter, draw=lambda: 0.5)
        self.api.observe = self.spans

    def found(self) -> list[ReadableSpan]:
        self.spans.close()
        return list(self.exporter.get_finished_spans())

    def one(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.found() if span.name == name]
        return span


def test_a_request_is_a_trace_of_door_reading_queue_and_computing() -> None:
    traced = Traced(backend="torch")
    status, body, headers = post(traced.api, "embeddings", input=TEXTS)
    assert status == 200
    spans = {span.name: span for span in traced.found()}
    assert set(spans) == {"POST /v1/embeddings", "embed", "tokenise", "queue", "compute"}
    door, embed = spans["POST /v1/embeddings"], spans["embed"]
    stages = [spans[name] for name in ("tokenise", "queue", "compute")]
    assert {span.context.trace_id for span in spans.values()} == {door.context.trace_id}
    assert (door.parent, door.kind) == (None, SpanKind.SERVER)
    assert embed.parent.span_id == door.context.span_id
    assert {span.parent.span_id for span in stages} == {embed.context.span_id}
    assert door.start_time <= embed.start_time <= embed.end_time <= door.end_time
    assert embed.start_time == stages[0].start_time
    assert [stages[0].end_time, stages[1].end_time] == [stages[1].start_time, stages[2].start_time]
    assert stages[2].start_time < stages[2].end_time == embed.end_time
    tokens = body["usage"]["prompt_tokens"]
    assert door.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/embeddings",
        "http.response.status_code": 200,
        "gen_ai.operation.name": "embeddings",
        "gen_ai.request.model": "tiny",
        "gen_ai.usage.input_tokens": tokens,
        "embedworks.request_id": headers["x-request-id"],
    }
    assert embed.attributes["embedworks.inputs"] == 2
    assert embed.attributes["gen_ai.embeddings.dimension.count"] == 32
    shorter = len(traced.room.engine.tokens.whole(TEXTS[:1], "")[0])
    assert stages[2].attributes == {
        "embedworks.layers": 4,
        "embedworks.rounds": 1,
        "embedworks.round_tokens": tokens,
        "embedworks.padded_tokens": tokens - 2 * shorter,
    }
    assert door.resource.attributes["service.name"] == "embedworks"
    assert door.resource.attributes["service.instance.id"] == "replica-1"


def test_a_request_of_many_rounds_says_how_many() -> None:
    traced = Traced(max_tokens_per_batch=16)
    post(traced.api, "embeddings", input=["the cat"] * 8)
    compute = traced.one("compute")
    assert compute.attributes["embedworks.rounds"] == 2
    assert compute.attributes["embedworks.round_tokens"] == 32


def test_a_task_of_several_questions_has_a_span_for_each() -> None:
    traced = Traced()
    assert post(traced.api, "rerank", query="the cat", documents=TEXTS)[0] == 200
    spans = traced.found()
    assert sorted(span.attributes["embedworks.inputs"] for span in spans if span.name == "embed") == [1, 2]
    assert [span.attributes["gen_ai.operation.name"] for span in spans if span.parent is None] == ["rerank"]


def test_images_and_texts_are_read_and_computed_side_by_side(tmp_path) -> None:
    tiny_dual(tmp_path)
    room = LocalRoom(Served(name="tiny", source="x", folder=tmp_path, created=5, precision="fp32"))
    traced = Traced()
    api = Api({"tiny": room})
    api.observe = traced.spans
    image = base64.b64encode(picture(0)).decode()
    assert post(api, "embeddings", input=[{"image": image}, {"text": "the cat"}])[0] == 200
    names = [span.name for span in traced.found()]
    assert sorted(names) == [
        "POST /v1/embeddings",
        "compute",
        "compute",
        "embed",
        "queue",
        "queue",
        "read images",
        "tokenise",
    ]


@pytest.mark.parametrize(
    ("sample", "traceparent", "is_written"),
    [
        (1.0, None, True),
        (0.0, None, False),
        (0.4, None, False),
        (0.6, None, True),
        (0.0, f"00-{TRACE}-{PARENT}-01", True),
        (1.0, f"00-{TRACE}-{PARENT}-00", False),
        (0.0, "00-not-a-trace-01", False),
        (1.0, f"00-{'0' * 32}-{PARENT}-01", True),  # no trace: one of our own begins
        (0.0, f"00-{'0' * 32}-{PARENT}-01", False),
    ],
)
def test_who_is_sampled(sample: float, traceparent: str | None, is_written: bool) -> None:
    traced = Traced(sample)
    headers = {"traceparent": traceparent} if traceparent else {}
    assert post(traced.api, "embeddings", headers, input="the cat")[0] == 200
    assert bool(traced.found()) == is_written


def test_a_clients_trace_goes_on() -> None:
    traced = Traced(0.0)
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
    post(traced.api, "embeddings", headers, input="the cat")
    door = traced.one("POST /v1/embeddings")
    assert f"{door.context.trace_id:032x}" == TRACE
    assert f"{door.parent.span_id:016x}" == PARENT
    assert door.context.trace_state.get("vendor") == "1"


def test_who_is_not_let_in_writes_no_trace() -> None:
    token, key = make_key("alice")
    traced = Traced(gate=Gate([key]))
    parent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    wrong, right = ({"authorization": f"Bearer {word}"} for word in (f"{token}x", token))
    assert post(traced.api, "embeddings", parent | wrong, input="the cat")[0] == 401
    assert post(traced.api, "embeddings", parent | right, input="the cat")[0] == 200
    assert traced.one("POST /v1/embeddings").attributes["embedworks.key"] == "alice"


def test_refusals_name_their_code_and_failures_their_place() -> None:
    traced = Traced()
    assert post(traced.api, "embeddings", input="cat " * 100)[0] == 413
    traced.room.engine.pooled = lambda *_, **__: {}["secret"]  # type: ignore[method-assign]
    assert post(traced.api, "embeddings", input="the cat")[0] == 500
    refused, failed = sorted(traced.found(), key=lambda span: span.attributes["http.response.status_code"])
    assert refused.attributes["error.type"] == "context_length_exceeded"
    assert refused.status.status_code is StatusCode.UNSET
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["embedworks.fault"].startswith("KeyError at test_spans.py:")
    assert "secret" not in failed.to_json()


def test_what_a_room_did_travels_with_its_answer() -> None:
    traced = Traced()
    answer = asyncio.run(traced.room.answer(EmbeddingRequest(model="tiny", input=TEXTS)))
    (work,) = answer.work
    assert pickle.loads(pickle.dumps(answer)).work == (work,)
    assert work.rounds == 1
    assert min(work.read_s, work.queue_s) >= 0 < work.compute_s


@pytest.mark.skipif(not can_export(), reason="needs embedworks[tracing]")
def test_spans_are_posted_to_a_collector() -> None:
    api, _ = tiny_api(tiny_model())
    with Collector() as collector:
        spans = Spans(Tracing(endpoint=collector.url, sample=1), "one")
        api.observe = spans
        post(api, "embeddings", input="the cat")
        spans.close()
    assert collector.paths == ["/v1/traces"]
    names = {span.name for span in collector.spans}
    assert names == {"POST /v1/embeddings", "embed", "tokenise", "queue", "compute"}
