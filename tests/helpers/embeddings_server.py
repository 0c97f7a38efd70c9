"""A small HTTP server that speaks OpenAI's embeddings API: the peer of what evaluates endpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.http_server import QuietHandler, http_server


@dataclass
class Served:
    """What a server has and has seen.

    Attributes:
        encode: Texts and the request to ``(N, D)`` vectors.
        cards: What ``/v1/models`` lists.
        api_key: Asked of every request, if there is one.
        longest: Characters of the longest input that is taken.
        depths: Layers that may be asked for; empty for any.
        busy: Requests that are answered 429 before the first is taken.
        bodies: Requests for embeddings, in order.
    """

    encode: Callable[[list[str], dict[str, Any]], np.ndarray]
    cards: list[dict[str, Any]]
    api_key: str | None = None
    longest: int = 10_000
    depths: tuple[int, ...] = ()
    busy: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def serving(served: Served) -> Iterator[str]:
    """The address of the API while the context lasts."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            if self._let_in():
                self._send(200, {"object": "list", "data": served.cards})

        def do_POST(self) -> None:
            body = self.asked()
            if not self._let_in():
                return
            if served.busy:
                served.busy -= 1
                self._refuse(429, "too many requests")
                return
            served.bodies.append(body)
            if any(len(text) > served.longest for text in body["input"]):
                self._refuse(400, f"an input has more than {served.longest} characters")
                return
            if served.depths and body.get("layers") not in served.depths:
                fault = {"message": f"expected one of {served.depths}", "code": "untrained_size"}
                self._send(400, {"error": fault})
                return
            vectors = served.encode(body["input"], body)
            rows = [{"index": i, "embedding": vector.tolist()} for i, vector in enumerate(vectors)]
            self._send(200, {"object": "list", "data": rows[::-1]})  # a client must go by the index

        def _let_in(self) -> bool:
            right = f"Bearer {served.api_key}"
            if served.api_key and self.headers.get("Authorization") != right:
                self._refuse(401, "wrong key")
                return False
            return True

        def _refuse(self, code: int, message: str) -> None:
            self._send(code, {"error": {"message": message}})

        def _send(self, code: int, content: dict[str, Any]) -> None:
            data = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Retry-After", "0.01")
            self.end_headers()
            self.wfile.write(data)

    with http_server(Handler) as url:
        yield f"{url}/v1"
