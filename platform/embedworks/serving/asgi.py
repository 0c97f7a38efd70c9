"""The endpoint's HTTP side as one bare ASGI application: no framework between a request and its room."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol

import orjson

from embedworks.serving.protocol import (
    Answer,
    ApiError,
    EmbeddingRequest,
    parse_request,
    render_answer,
    unknown_model,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY = 32 * 2**20  # bytes; 2,048 inputs of 8,192 tokens fit in it twice
HEALTH_TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


class AnyRoom(Protocol):
    """A room, here or in another process."""

    async def answer(self, request: EmbeddingRequest) -> Answer:
        """Embed what was asked, or raise :class:`ApiError`."""
        ...

    async def describe(self) -> dict[str, Any]:
        """The model as ``/v1/models`` lists it; raises if the room cannot answer."""
        ...


class Api:
    """Routes requests to rooms.

    Args:
        rooms: Model name to room.
    """

    def __init__(self, rooms: Mapping[str, AnyRoom]) -> None:
        self._rooms = rooms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        assert scope["type"] == "http", scope["type"]
        retry: int | None = None
        try:
            status, body = 200, await self._route(scope, receive)
        except ApiError as error:
            status, body, retry = error.status, error.body(), error.retry_after_s
        except Exception:
            log.exception("a request failed")
            failure = ApiError(500, "the server had an error; see its log", kind="server_error")
            status, body = 500, failure.body()
        await _respond(send, status, body, retry)

    async def _route(self, scope: Scope, receive: Receive) -> bytes:
        path, method = scope["path"].rstrip("/"), scope["method"]
        if path == "/v1/embeddings":
            _expect(method, "POST")
            return await self._embeddings(await _read_body(receive))
        if path == "/v1/models":
            _expect(method, "GET")
            return orjson.dumps({"object": "list", "data": await self._describe_all()})
        if path.startswith("/v1/models/"):
            _expect(method, "GET")
            return orjson.dumps(await self._room(path.removeprefix("/v1/models/")).describe())
        if path == "/healthz":
            return await self._health()
        raise ApiError(404, f"unknown path {method} {scope['path']}; expected POST /v1/embeddings")

    async def _embeddings(self, body: bytes) -> bytes:
        request = parse_request(body)
        room = self._room(request.model)
        return render_answer(await room.answer(request), request.model, request.encoding_format)

    async def _describe_all(self) -> list[dict[str, Any]]:
        return list(await asyncio.gather(*(room.describe() for room in self._rooms.values())))

    async def _health(self) -> bytes:
        try:
            models = await asyncio.wait_for(self._describe_all(), HEALTH_TIMEOUT_S)
        except Exception as error:
            reason = f"not every model answers: {error or type(error).__name__}"
            raise ApiError(503, reason, kind="server_error") from error
        return orjson.dumps({"status": "ok", "models": [model["id"] for model in models]})

    def _room(self, name: str) -> AnyRoom:
        if name not in self._rooms:
            raise unknown_model(name, list(self._rooms))
        return self._rooms[name]


def _expect(method: str, allowed: str) -> None:
    if method != allowed:
        raise ApiError(405, f"{method} is not possible here; expected {allowed}")


async def _read_body(receive: Receive) -> bytes:
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, "the client went away while sending")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY:
            raise ApiError(413, f"the body is larger than {MAX_BODY} bytes")
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _respond(send: Send, status: int, body: bytes, retry_after_s: int | None) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % retry_after_s))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
