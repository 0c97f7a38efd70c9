"""Nothing that a client says is in metrics, logs or traces, whatever it says and wherever it says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.metrics.exposition import exposition
from embedworks.serving.metrics.meter import Meter
from embedworks.serving.metrics.requests import RequestMeter
from embedworks.serving.metrics.rooms import RoundMeter
from embedworks.serving.observing.request_log import RequestLog
from embedworks.serving.observing.settings import Tracing
from embedworks.serving.observing.spans import Spans
from helpers.asgi import call, tiny_api
from helpers.tiny import tiny_model

MARK = "qXz7"  # in every hostile text, and nowhere else
MODEL = tiny_model(prompts={"query": "find the "})
TOKEN, KEY = make_key("alice")

hostile = st.builds(
    lambda left, right: f"{left} {MARK} {right}",
    st.text(max_size=30),
    st.sampled_from(
        ["", '"} 1\nembedworks_fake 1', "{{model}}", "\x00\x1b[31m", "%s %d {0}", "\u2028", "'; --"]
    )
    | st.text(max_size=30),
)
PLACES = ("input", "instruction", "model", "user", "prompt_name", "encoding_format", "dtype", "layers", "")


class Watched:
    """An API whose every request is counted, logged and traced, and all that these say."""

    def __init__(self, folder: Path) -> None:
        self.meter, self.exporter = Meter(), InMemorySpanExporter()
        self.api, room = tiny_api(MODEL, Gate([KEY]))
        self.api._meter = RequestMeter(self.meter)
        room.meter = RoundMeter("tiny", self.meter)
        room.batcher._told = room.meter
        self.file = folder / "requests.jsonl"
        self.log = RequestLog(self.file, 1.0)
        self.spans = Spans(Tracing(endpoint="http://nowhere:1", sample=1), "one", self.exporter)
        self.api.observe = self._observe
        self.room = room

    def _observe(self, note: Any) -> None:
        self.spans(note)
        self.log(note)

    def ask(self, headers: dict[str, str], body: bytes, path: str = "/v1/embeddings") -> int:
        return call(self.api, "POST", path, body, headers)[0]

    def said(self) -> str:
        self.spans.close()
        self.log.close()
        spans = "".join(span.to_json() for span in self.exporter.get_finished_spans())
        log = self.file.read_text() if self.file.exists() else ""
        assert spans or log
        return spans + log + exposition(self.meter.snapshot()).decode()


def check(watched: Watched) -> None:
    said = watched.said()
    assert MARK.lower() not in said.lower()
    assert TOKEN.rpartition("-")[2] not in said


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=hostile, place=st.sampled_from(PLACES))
def test_of_a_body(tmp_path: Path, text: str, place: str) -> None:
    watched = Watched(tmp_path)
    fields = {"model": "tiny", "input": "the cat", place or text: text}
    body = json.dumps(fields).encode("utf-8", "surrogatepass")
    assert 200 <= watched.ask({"authorization": f"Bearer {TOKEN}"}, body) < 600
    check(watched)


@pytest.mark.parametrize(
    "name", ["x-request-id", "traceparent", "authorization", "user-agent", "x-embedworks-client"]
)
@pytest.mark.parametrize("value", [f"{MARK} x", f'"{MARK}"', f"Bearer ew-{MARK}-x", f"00-{MARK} -01"])
def test_of_a_header(tmp_path: Path, name: str, value: str) -> None:
    watched = Watched(tmp_path)
    headers = {"authorization": f"Bearer {TOKEN}"} | {name: value}
    watched.ask(headers, b'{"model": "tiny", "input": "the cat"}')
    check(watched)


@pytest.mark.parametrize(
    "body", [MARK.encode(), f'{{"{MARK}'.encode(), f'{{"model": "{MARK}"}}'.encode(), b"\xff"]
)
def test_of_a_body_that_is_none(tmp_path: Path, body: bytes) -> None:
    watched = Watched(tmp_path)
    assert 400 <= watched.ask({"authorization": f"Bearer {TOKEN}"}, body) < 500
    check(watched)


def test_of_an_error_that_quotes_it(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    def fail(ids: Any, **_: Any) -> Any:
        raise ValueError(f"cannot read {MARK}")

    watched.room.engine.pooled = fail  # type: ignore[method-assign]
    body = json.dumps({"model": "tiny", "input": MARK}).encode()
    assert watched.ask({"authorization": f"Bearer {TOKEN}"}, body) == 500
    check(watched)
