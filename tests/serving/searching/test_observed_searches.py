"""What searches leave in metrics, logs and traces: times and numbers, and no text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from embedworks.serving.metrics.exposition import exposition
from embedworks.serving.metrics.families import INDEX_ROWS, REQUESTS, SEARCH_SECONDS, TOKENS_READ
from embedworks.serving.metrics.meter import Meter, Snapshot
from embedworks.serving.metrics.requests import RequestMeter
from embedworks.serving.metrics.traffic import traffic
from embedworks.serving.observing.request_log import RequestLog
from embedworks.serving.observing.settings import Tracing
from embedworks.serving.observing.spans import Spans
from embedworks.serving.searching.metrics import EMBED, SEARCH
from helpers.indexes import SmallIndex
from helpers.searching import search, search_api

MARK = "a private qXz7 text"


def test_searches_are_counted_by_index_apart_from_models(index: SmallIndex) -> None:
    meter = Meter()
    api, room = search_api(index, meter=meter)
    api._meter = RequestMeter(meter)
    used = search(api, query=[MARK, "x"])[1]["usage"]["prompt_tokens"]
    search(api, query=MARK, limit=0)
    search(api, query=MARK, index="made-up")
    found = meter.snapshot()
    assert found.counters[REQUESTS.name, ("search", "index docs", "200", "")] == 1
    assert found.counters[TOKENS_READ.name, ("index docs", "")] == used
    for part in (EMBED, SEARCH):
        assert sum(found.buckets[SEARCH_SECONDS.name, ("docs", part)].counts) == 1
    assert traffic(found, found, 1.0)["index docs"].requests_per_s == 1
    text = exposition(found).decode()
    assert MARK not in text
    assert "made-up" not in text
    room.close()


def test_rows_of_several_replicas_are_told_once() -> None:
    one = Snapshot(gauges={(INDEX_ROWS.name, ("docs", "1")): 61.0})
    assert one.add(one).gauges[INDEX_ROWS.name, ("docs", "1")] == 61.0


def test_a_line_of_the_log_and_spans_say_what_was_searched(index: SmallIndex, tmp_path: Path) -> None:
    api, room = search_api(index)
    exporter = InMemorySpanExporter()
    spans = Spans(Tracing(endpoint="http://c", sample=1.0), "here", exporter)
    log = RequestLog(tmp_path / "requests.jsonl", 1.0)
    api.observe = lambda note: (spans(note), log(note))[0]
    search(api, query=[MARK, "x"], limit=3)
    search(api, query=MARK, limit=0)
    log.close()
    spans.close()
    text = (tmp_path / "requests.jsonl").read_text()
    answered, refused = map(json.loads, text.splitlines())
    assert (answered["task"], answered["index"], answered["inputs"]) == ("search", "docs", 2)
    assert answered["version"] == index.record.id
    assert "model" not in answered
    assert min(answered["search_seconds"], answered["compute_seconds"], answered["tokens"]) > 0
    assert (refused["task"], refused["status"]) == ("search", 400)
    written = {span.name: span for span in exporter.get_finished_spans()}
    assert {"POST /v1/search", "embed", "compute", "search"} <= set(written)
    assert written["search"].attributes == {"embedworks.hits": 6, "embedworks.exact": 1}
    assert written["embed"].end_time <= written["search"].end_time
    by_name = [span for span in exporter.get_finished_spans() if span.name == "POST /v1/search"]
    assert by_name[0].attributes["embedworks.index"] == "docs"
    assert MARK not in text + "".join(span.to_json() for span in exporter.get_finished_spans())
    room.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"query": MARK},
        {"query": [MARK, "x"], "filter": {"topic": MARK}},
        {"filter": {MARK: 1}},
        {"filter": {"year": MARK}},
        {"filter": {"year": {MARK: 1}}},
        {"columns": [MARK]},
        {"index": MARK},
        {"user": MARK},
        {MARK: 1},
        {"layers": MARK},
    ],
)
def test_nothing_that_a_client_says_is_kept(
    index: SmallIndex, tmp_path: Path, fields: dict[str, Any]
) -> None:
    meter = Meter()
    api, room = search_api(index, meter=meter)
    api._meter = RequestMeter(meter)
    exporter = InMemorySpanExporter()
    spans = Spans(Tracing(endpoint="http://c", sample=1.0), "here", exporter)
    log = RequestLog(tmp_path / "requests.jsonl", 1.0)
    api.observe = lambda note: (spans(note), log(note))[0]
    assert search(api, **{"query": "x", **fields})[0] in (200, 400, 404)
    log.close()
    spans.close()
    room.close()
    told = "".join(span.to_json() for span in exporter.get_finished_spans())
    said = (tmp_path / "requests.jsonl").read_text() + told + exposition(meter.snapshot()).decode()
    assert '"search"' in said
    assert "qXz7" not in said
