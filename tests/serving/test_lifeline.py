"""Requests that nobody waits for any more, and those whose time is over."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from embedworks.serving.asgi import Api
from embedworks.serving.gate import Gate
from embedworks.serving.limits import Limits
from embedworks.serving.room import Room
from helpers.asgi import acall, tiny_api
from helpers.tiny import tiny_model

Held = tuple[Room, threading.Event, threading.Event]

BODY = json.dumps({"model": "tiny", "input": "the cat"}).encode()
THREE = json.dumps({"model": "tiny", "input": ["a", "b", "c"]}).encode()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """A room whose thread is in a round until it is released."""
    started, release = threading.Event(), threading.Event()
    _, room = tiny_api(tiny_model())
    compute = room.batcher._compute

    def wait(ids: Any, layers: int) -> Any:
        started.set()
        assert release.wait(20)
        return compute(ids, layers)

    monkeypatch.setattr(room.batcher, "_compute", wait)
    yield room, started, release
    release.set()
    room.batcher.close()


def serve(room: Room, **limits: float) -> Api:
    class Local:
        answer = staticmethod(room.answer)

    return Api({"tiny": Local()}, Gate(limits=Limits(**limits)))  # type: ignore[dict-item]


class Client:
    """Sends a body, and goes away when told."""

    def __init__(self, body: bytes, more: bool = False) -> None:
        self.messages = [{"type": "http.request", "body": body, "more_body": more}]
        self.gone = asyncio.Event()
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if self.messages:
            return self.messages.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def ask(self, api: Api, path: str = "/v1/embeddings") -> asyncio.Task[None]:
        scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        return asyncio.create_task(api(scope, self.receive, self.send))


async def until(check: Any) -> None:
    for _ in range(2000):
        if check():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to that")


def test_who_went_away_leaves_the_queue(held: Held) -> None:
    room, started, release = held
    api = serve(room)

    async def run() -> None:
        first = asyncio.create_task(acall(api, "POST", "/v1/embeddings", BODY))
        await until(started.is_set)
        client = Client(THREE)
        running = client.ask(api)
        await until(lambda: room.batcher.waiting == 3)
        client.gone.set()
        await running
        assert (room.batcher.waiting, client.sent) == (0, [])
        release.set()
        assert (await first)[0] == 200
        assert (await acall(api, "POST", "/v1/embeddings", BODY))[0] == 200

    asyncio.run(run())


def test_both_questions_of_a_task_leave_the_queue(held: Held) -> None:
    room, started, release = held
    api = serve(room)

    async def run() -> None:
        first = asyncio.create_task(acall(api, "POST", "/v1/embeddings", BODY))
        await until(started.is_set)
        client = Client(json.dumps({"model": "tiny", "query": "a", "documents": ["b", "c"]}).encode())
        running = client.ask(api, "/v1/rerank")
        await until(lambda: room.batcher.waiting == 3)
        client.gone.set()
        await running
        assert room.batcher.waiting == 0
        release.set()
        assert (await first)[0] == 200

    asyncio.run(run())


def test_a_task_that_the_server_cancels_is_cancelled(held: Held) -> None:
    room, started, _ = held
    api = serve(room)

    async def run() -> None:
        blocking = asyncio.create_task(acall(api, "POST", "/v1/embeddings", BODY))
        await until(started.is_set)
        running = Client(THREE).ask(api)
        await until(lambda: room.batcher.waiting == 3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert room.batcher.waiting == 0
        blocking.cancel()

    asyncio.run(run())


def test_an_answer_that_takes_too_long_is_504(held: Held) -> None:
    room, *_ = held
    api = serve(room, timeout_s=0.1)
    status, body, _ = asyncio.run(acall(api, "POST", "/v1/embeddings", BODY))
    assert (status, body["error"]["code"]) == (504, "timeout")


def test_a_body_that_never_ends_is_408(held: Held) -> None:
    room, *_ = held

    async def run() -> Any:
        client = Client(BODY[:10], more=True)
        await client.ask(serve(room, timeout_s=0.1))
        return client.sent

    sent = asyncio.run(run())
    assert sent[0]["status"] == 408
    assert "did not arrive" in json.loads(sent[1]["body"])["error"]["message"]


def test_a_client_that_goes_while_sending_is_forgotten(held: Held) -> None:
    room, *_ = held

    async def run() -> Any:
        client = Client(BODY[:10], more=True)
        client.gone.set()
        await client.ask(serve(room))
        return client.sent

    assert asyncio.run(run())[0]["status"] == 400
