"""An endpoint on Ray Serve, its models behind a door of their own process: what it tells of requests."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedworks.serving import gateway
from embedworks.serving.config import ServeConfig
from embedworks.serving.observing.settings import can_export
from embedworks.serving.reading import parse_config
from helpers.collector import Collector
from helpers.ports import free_port
from helpers.tiny import tiny_embedder

pytestmark = pytest.mark.ray

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PATIENCE_S = 60


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ServeConfig:
    folder = tiny_embedder(tmp_path_factory.mktemp("seen") / "tiny")
    model = {"name": "tiny", "source": str(folder), "precision": "fp32", "num_cpus": 0.5, "replicas": 2}
    return parse_config({"port": free_port(), "door": "separate", "models": [model]}, "test")


@pytest.fixture(scope="module")
def url(ray_cluster: Any, config: ServeConfig) -> Iterator[str]:
    yield gateway.deploy(config).url
    gateway.delete()


def ask(url: str, **headers: str) -> tuple[dict[str, Any], list[str]]:
    """The answer to one text, and what it calls the request."""
    body = json.dumps({"model": "tiny", "input": ["the cat", "a dog"]}).encode()
    names = {"content-type": "application/json", **{key.replace("_", "-"): v for key, v in headers.items()}}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/embeddings", body, names)) as response:
        return json.load(response), response.headers.get_all("x-request-id")


def lines(folder: Path) -> dict[str, dict[str, Any]]:
    """Requests in the logs, by what they are called."""
    found = [json.loads(line) for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]
    return {line["request_id"]: line for line in found if line["event"] == "request"}


def test_logs_are_switched_on_while_it_serves(url: str, config: ServeConfig, tmp_path: Path) -> None:
    ask(url)
    gateway.deploy(ServeConfig.model_validate(config.model_dump() | {"logs": {"folder": str(tmp_path)}}))
    answer, given = ask(url, x_request_id="job-12")
    assert given == ["job-12"]
    _, made = ask(url)
    assert len(made) == 1
    until = time.monotonic() + PATIENCE_S
    while len(lines(tmp_path)) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    found = lines(tmp_path)
    assert set(found) == {"job-12", made[0]}
    line = found["job-12"]
    assert line["tokens"] == answer["usage"]["prompt_tokens"]
    assert 0 < line["compute_seconds"] < line["seconds"]


@pytest.mark.skipif(not can_export(), reason="needs embedworks[tracing]")
def test_a_trace_goes_through_both_processes(url: str, config: ServeConfig) -> None:
    with Collector() as collector:
        tracing = {"endpoint": collector.url, "sample": 0}
        gateway.deploy(ServeConfig.model_validate(config.model_dump() | {"tracing": tracing}))
        ask(url)
        ask(url, traceparent=f"00-{TRACE}-{PARENT}-01")
        until = time.monotonic() + PATIENCE_S
        while not collector.spans and time.monotonic() < until:
            time.sleep(0.1)
        spans = {span.name: span for span in collector.spans}
    assert set(spans) == {"POST /v1/embeddings", "embed", "tokenise", "queue", "compute"}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    door = spans["POST /v1/embeddings"]
    assert door.parent_span_id.hex() == PARENT
    assert spans["embed"].parent_span_id == door.span_id
    for name in ("tokenise", "queue", "compute"):
        span = spans[name]
        assert span.parent_span_id == spans["embed"].span_id
        assert door.start_time_unix_nano < span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano < door.end_time_unix_nano
