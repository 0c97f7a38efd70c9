"""Serve's own proxy, made to ask again: without Serve, an app stands for the proxy."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from embedworks.serving.again import AskAgain

TEXT, JSON = (b"content-type", b"text/plain"), (b"content-type", b"application/json")


class Proxy:
    """Answers as it is told, one after the other: a status and a type, or None for nothing at all."""

    def __init__(self, *answers: tuple[int, Any] | None) -> None:
        self.answers = list(answers)
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.bodies.append(body)
        scope["path"] = "/changed"  # a proxy may: the next attempt must not see it
        answer = self.answers.pop(0)
        if answer is None:
            return
        await send({"type": "http.response.start", "status": answer[0], "headers": [answer[1]]})
        await send({"type": "http.response.body", "body": b"x"})


def call(proxy: Proxy, patience_s: float = 30.0, disconnects: bool = False) -> list[Any]:
    chunks: list[Any] = [{"type": "http.request", "body": b"a", "more_body": True}]
    chunks.append({"type": "http.disconnect"} if disconnects else {"type": "http.request", "body": b"b"})
    sent: list[Any] = []

    async def receive() -> Any:
        return chunks.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/v1/embeddings"}
    asyncio.run(AskAgain(proxy, patience_s)(scope, receive, send))
    assert scope["path"] == "/v1/embeddings"
    return sent


@pytest.mark.parametrize("first", [None, (500, TEXT), (503, TEXT), (404, TEXT)])
def test_what_the_proxy_itself_says_is_kept_back(first: Any) -> None:
    proxy = Proxy(first, (200, JSON))
    sent = call(proxy)
    assert [message.get("status") for message in sent] == [200, None]
    assert proxy.bodies == [b"ab", b"ab"], "the same body, sent once by the client"


@pytest.mark.parametrize(
    "answer", [(200, JSON), (500, JSON), (404, JSON), (429, JSON), (200, TEXT), (400, TEXT)]
)
def test_what_the_endpoint_says_is_passed_on(answer: Any) -> None:
    proxy = Proxy(answer)
    sent = call(proxy)
    assert sent[0]["status"] == answer[0]
    assert len(sent) == 2


def test_patience_ends_and_the_last_word_is_passed_on() -> None:
    proxy = Proxy((503, TEXT), (503, TEXT))
    assert call(proxy, patience_s=-1)[0]["status"] == 503
    assert len(proxy.answers) == 1


def test_nobody_is_asked_again_for_a_client_that_went_away() -> None:
    proxy = Proxy((503, TEXT), (503, TEXT))
    call(proxy, disconnects=True)
    assert len(proxy.bodies) == 2, "the first attempt learned of it"
    assert proxy.answers == []


def test_websockets_are_not_touched() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["type"], receive, send))

    async def nothing(*_: Any) -> Any:
        return None

    asyncio.run(AskAgain(app)({"type": "websocket"}, nothing, nothing))
    assert seen == [("websocket", nothing, nothing)]
