"""An ASGI application called without a socket, and rooms of tiny embedders for it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from embedworks.embedder import Embedder
from embedworks.serving.asgi import Api
from embedworks.serving.config import Served
from embedworks.serving.deployments import LocalRoom
from embedworks.serving.gate import Gate
from embedworks.serving.room import Room
from embedworks.serving.tasks import Tasks


def tiny_api(
    embedder: Embedder, gate: Gate | None = None, tasks: Tasks | None = None, **served: Any
) -> tuple[Api, Room]:
    """An API that serves one embedder as ``tiny``, and its room."""
    about = {"name": "tiny", "source": "x", "folder": Path("x"), "created": 5, "precision": "fp32"}
    local = LocalRoom.__new__(LocalRoom)
    local.room = Room(embedder, Served(**about | served))
    return Api({"tiny": local}, gate, tasks), local.room


async def acall(
    api: Api, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, Any, dict[str, str]]:
    """Status, parsed JSON and headers; the client stays until it has its answer."""
    sent: list[dict[str, Any]] = []
    messages = [{"type": "http.request", "body": body}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        return await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(key.encode(), value.encode()) for key, value in (headers or {}).items()]
    await api({"type": "http", "method": method, "path": path, "headers": raw}, receive, send)
    found = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    assert int(found["content-length"]) == len(sent[1]["body"])
    return sent[0]["status"], json.loads(sent[1]["body"]), found


def call(
    api: Api, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, Any, dict[str, str]]:
    """:func:`acall` without an event loop."""
    return asyncio.run(acall(api, method, path, body, headers))


def post(
    api: Api, task: str, headers: dict[str, str] | None = None, **fields: Any
) -> tuple[int, Any, dict[str, str]]:
    """POST to a task of the model ``tiny``."""
    return call(api, "POST", f"/v1/{task}", json.dumps({"model": "tiny", **fields}).encode(), headers)
