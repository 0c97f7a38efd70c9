"""The lines of requests: what is in them, which are written, and what a broken disk costs."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.metrics.requests import RequestNote
from embedworks.serving.observing import request_log
from embedworks.serving.observing.observers import Observers
from embedworks.serving.observing.request_log import RequestLog
from embedworks.serving.observing.settings import Logs
from embedworks.serving.reading import parse_config
from helpers.asgi import call, post, tiny_api
from helpers.tiny import tiny_model


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "requests.jsonl"


def lines(log: RequestLog, file: Path) -> list[dict[str, Any]]:
    log.close()
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def never() -> float:
    return 1.0


def logged(file: Path, gate: Gate | None = None, draw: Callable[[], float] = lambda: 0.0) -> Any:
    api, room = tiny_api(tiny_model(), gate, version="v7")
    api.observe = RequestLog(file, 1.0, draw)
    return api, room, api.observe


def test_a_line_has_who_asked_what_and_how_it_went(file: Path) -> None:
    token, key = make_key("alice")
    api, _, log = logged(file, Gate([key]))
    bearer = {"authorization": f"Bearer {token}", "x-request-id": "job-12:3"}
    _, body, headers = post(api, "embeddings", bearer, input=["the cat", "a dog"])
    (line,) = lines(log, file)
    assert datetime.fromisoformat(line.pop("time")).utcoffset() is not None
    times = [line.pop(name) for name in ("queue_seconds", "compute_seconds", "seconds")]
    assert 0 <= times[0] < times[2]
    assert 0 < times[1] < times[2]
    assert headers["x-request-id"] == "job-12:3"
    assert line == {
        "event": "request",
        "request_id": "job-12:3",
        "task": "embeddings",
        "model": "tiny",
        "version": "v7",
        "key": "alice",
        "status": 200,
        "inputs": 2,
        "tokens": body["usage"]["prompt_tokens"],
    }


def test_refusals_have_their_type_and_code_and_failures_their_place(file: Path) -> None:
    api, room, log = logged(file)
    assert post(api, "embeddings", input="cat " * 100)[0] == 413
    assert post(api, "embeddings", model="tinny", input="x")[0] == 404
    room.engine.pooled = lambda *_, **__: {}["secret"]
    assert post(api, "embeddings", input="the cat")[0] == 500
    long, unknown, failed = (line for line in lines(log, file) if line["event"] == "request")
    assert (long["type"], long["code"]) == ("invalid_request_error", "context_length_exceeded")
    assert unknown["code"] == "model_not_found"
    assert "model" not in unknown
    assert failed["type"] == "server_error"
    assert failed["fault"].startswith("KeyError at test_request_log.py:")


def test_a_share_of_the_requests_is_written_and_all_that_failed(file: Path) -> None:
    api, room, log = logged(file, draw=never)
    assert post(api, "embeddings", input="the cat")[0] == 200
    assert post(api, "embeddings", input="")[0] == 400
    room.engine.pooled = lambda *_, **__: 1 / 0
    assert post(api, "embeddings", input="the cat")[0] == 500
    assert [line["status"] for line in lines(log, file) if line["event"] == "request"] == [500]


def test_probes_are_no_requests(file: Path) -> None:
    api, _, log = logged(file)
    assert call(api, "GET", "/healthz")[0] == 200
    assert call(api, "GET", "/v1/models")[0] == 200
    assert lines(log, file) == []


@pytest.mark.parametrize(
    "given",
    ["", " ", "a b", "x" * 65, 'x"}', "café", "../../etc", "-x", "ew-0123456789ab-secret", "a\nb", "<b>"],
)
def test_ids_that_are_not_sane_are_replaced(file: Path, given: str) -> None:
    api, _, log = logged(file)
    _, _, headers = post(api, "embeddings", {"x-request-id": given}, input="the cat")
    (line,) = lines(log, file)
    assert line["request_id"] == headers["x-request-id"] != given
    assert len(line["request_id"]) == 16


def test_ids_are_not_made_twice() -> None:
    notes = [RequestNote() for _ in range(100)]
    assert len({note.request_id for note in notes}) == 100
    assert all(note.request_id == note.request_id for note in notes)


def test_our_own_warnings_are_lines_too(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = RequestLog(file, 0.0)
    logger = logging.getLogger("embedworks.serving.deployments")
    logger.warning("asking another replica of %s", "docs")
    logger.info("not this")
    (line,) = lines(log, file)
    words = ("event", "level", "logger", "message")
    assert tuple(line[word] for word in words) == (
        "log",
        "WARNING",
        logger.name,
        "asking another replica of docs",
    )
    logger.warning("after the end")
    assert "after the end" in caplog.text
    assert len(file.read_text().splitlines()) == 1


def test_a_disk_that_cannot_be_written_costs_lines_which_are_counted(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_log, "EVERY_S", 0.01)
    file.parent.write_text("a file where the folder should be")
    api, _, log = logged(file)
    for _ in range(3):
        assert post(api, "embeddings", input="the cat")[0] == 200
    while log._lines._waiting:
        pass
    file.parent.unlink()
    post(api, "embeddings", input="the cat")
    found = lines(log, file)
    assert sum(line["event"] == "request" for line in found) == 1
    assert sum(line.get("lines", 0) for line in found) >= 3


def test_what_waits_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "MOST_WAITING", 5)
    monkeypatch.setattr(request_log, "EVERY_S", 3600)
    log = RequestLog(file, 1.0)
    note = RequestNote()
    note.task = "embeddings"
    for _ in range(9):
        log(note)
    found = lines(log, file)
    assert [line["event"] for line in found] == ["request"] * 5 + ["dropped"]
    assert found[-1]["lines"] == 4


def test_files_are_rotated(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "FILE_BYTES", 1000)
    log = RequestLog(file, 1.0)
    note = RequestNote()
    note.task = "embeddings"
    for _ in range(100):
        log(note)
    log.close()
    assert len(list(file.parent.iterdir())) == 1 + request_log.FILES
    assert file.stat().st_size <= 1000


def test_observers_follow_the_configuration(tmp_path: Path) -> None:
    observers = Observers("one", tmp_path)
    observers.configure(None, None)
    assert observers.are_idle
    observers.configure(None, Logs())
    log = observers._log
    observers.configure(None, Logs())
    assert observers._log is log, "what did not change goes on"
    observers.configure(None, Logs(folder=str(tmp_path / "other")))
    assert observers._log is not log
    api, _ = tiny_api(tiny_model())
    api.observe = observers
    post(api, "embeddings", input="the cat")
    observers.close()
    assert observers.are_idle
    assert len((tmp_path / "other" / "embedworks_requests_one.jsonl").read_text().splitlines()) == 1
    assert not (tmp_path / "embedworks_requests_one.jsonl").exists()


def test_an_observer_that_fails_fails_no_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    observers = Observers("one", tmp_path)

    class Broken:
        def __call__(self, note: RequestNote) -> None:
            raise ValueError("secret")

        def close(self) -> None:
            pass

    observers._spans = Broken()
    api, _ = tiny_api(tiny_model())
    api.observe = observers
    for _ in range(3):
        assert post(api, "embeddings", input="the cat")[0] == 200
    assert caplog.text.count("could not be observed: ValueError") == 1
    assert "secret" not in caplog.text


def test_a_client_that_goes_away_is_written_down(file: Path) -> None:
    api, _, log = logged(file)
    hold = asyncio.Event()
    api._rooms["tiny"].answer = lambda _: hold.wait()
    messages = [
        {"type": "http.request", "body": b'{"model": "tiny", "input": "x"}'},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def run() -> None:
        scope = {"type": "http", "method": "POST", "path": "/v1/embeddings", "headers": []}
        await api(scope, receive, lambda _: asyncio.sleep(0))

    asyncio.run(run())
    (line,) = lines(log, file)
    assert (line["status"], line["model"]) == (499, "tiny")


def test_the_docs_snippets_configure_what_they_say() -> None:
    page = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    settings = [block for block in blocks if block.keys() & {"tracing", "logs"}]
    assert len(settings) == 2
    models = [{"name": "a", "source": "x"}]
    for block in settings:
        config = parse_config({"models": models, **block}, "docs")
        assert config.tracing or config.logs
