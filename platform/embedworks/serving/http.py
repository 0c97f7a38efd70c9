"""ASGI's messages: reading a bounded JSON body, and answering."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from embedworks.serving.refusals import ApiError, shown, too_large

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[bytes, bytes]

JSON = b"application/json"
VERSION_HEADER = "x-embedworks-version"  # of the model, or the index, that answered


def expect_method(method: str, allowed: str) -> None:
    """Refuse other methods.

    Raises:
        ApiError: 405, with ``allow``.
    """
    if method != allowed:
        message = f"{method} is not possible here; expected {allowed}"
        raise ApiError(405, message, code="method_not_allowed", headers={"allow": allowed})


def expect_json(headers: Headers, body_bytes: int) -> None:
    """Refuse a body by what its headers say of it.

    Raises:
        ApiError: 415 for another type or a compressed body, 413 for one that is announced as too large.
    """
    kind = headers.get(b"content-type", JSON)
    if kind != JSON and kind.partition(b";")[0].strip().lower() != JSON:
        given = shown(kind.decode("latin-1"))
        raise ApiError(415, f"the body is {given}; expected `content-type: application/json`")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise ApiError(415, "a compressed body is not read; expected no `content-encoding`")
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > body_bytes:
        raise _too_large(body_bytes)


async def read_body(receive: Receive, body_bytes: int) -> bytes:
    """The whole body.

    Raises:
        ApiError: 413 as soon as it is larger than ``body_bytes``; 400 where it ends early.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > body_bytes:
            raise _too_large(body_bytes)
        return body
    chunks, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ApiError(400, "the client went away while sending")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > body_bytes:
            raise _too_large(body_bytes)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()


async def respond(send: Send, status: int, body: bytes, extra: Mapping[str, str] | None = None) -> None:
    """Send an answer, JSON unless ``extra`` says otherwise."""
    headers = [(b"content-length", b"%d" % len(body))]
    if not extra or "content-type" not in extra:
        headers.append((b"content-type", JSON))
    if extra:
        headers += [(key.encode(), value.encode("latin-1", "replace")) for key, value in extra.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def lifespan(receive: Receive, send: Send) -> None:
    """Agree to whatever the server says of its own life."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _too_large(body_bytes: int) -> ApiError:
    return too_large(f"the body is larger than {body_bytes} bytes", code="request_too_large")
