"""Asks again, inside Serve's own proxy, for a request whose replica died before it answered.

An endpoint's requests have no side effects, and its door answers everything in JSON. What comes from the
proxy itself is nothing at all where a replica died, which its server turns into a 500, or plain text: that
no replica is ready (503), or that there are no routes, because the proxy has just started (404). Such an
answer is kept back, and the request is made again.

HAProxy does the same by its own settings (:mod:`embedworks.serving.ingress`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from embedworks.serving.http import JSON, Message, Receive, Scope, Send

PROXY = "SERVE_PROXY_ACTOR"  # what Serve's proxies are called
OURS_IS_JSON = (404, 500, 503)
PATIENCE_S = 30.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0

App = Callable[[Scope, Receive, Send], Awaitable[None]]


class AskAgain:
    """An ASGI middleware.

    Args:
        app: What is asked.
        patience_s: Since the first attempt, within which another one is begun.
    """

    def __init__(self, app: App, patience_s: float = PATIENCE_S) -> None:
        self._app = app
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        tape = Tape(receive)
        deadline, pause_s = time.monotonic() + self._patience_s, FIRST_PAUSE_S
        while True:
            answer = Held(send, may_hold=time.monotonic() < deadline and not tape.is_gone)
            await self._app(dict(scope), tape.player(), answer)
            if not answer.is_missing:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


class Tape:
    """What a client sent, to be played again.

    Args:
        receive: ASGI's receive.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []

    @property
    def is_gone(self) -> bool:
        """Whether the client went away."""
        return bool(self._messages) and self._messages[-1]["type"] == "http.disconnect"

    def player(self) -> Receive:
        """ASGI's receive from the beginning."""
        place = 0

        async def receive() -> Message:
            nonlocal place
            if place == len(self._messages):
                self._messages.append(await self._receive())
            place += 1
            return self._messages[place - 1]

        return receive


class Held:
    """ASGI's send that keeps back what the proxy says in place of an answer.

    Args:
        send: ASGI's send.
        may_hold: Whether there will be another attempt.
    """

    def __init__(self, send: Send, may_hold: bool) -> None:
        self._send = send
        self._may_hold = may_hold
        self.is_held = False
        self._is_sent = False

    @property
    def is_missing(self) -> bool:
        """Whether the client has no answer yet, and another attempt may be made."""
        return self._may_hold and not self._is_sent

    async def __call__(self, message: Message) -> None:
        """Pass a message on, or keep it back."""
        if message["type"] == "http.response.start" and self._may_hold:
            self.is_held = message["status"] in OURS_IS_JSON and not _is_json(message)
        if not self.is_held:
            self._is_sent = True
            await self._send(message)


def _is_json(message: Message) -> bool:
    return any(bytes(key).lower() == b"content-type" and value == JSON for key, value in message["headers"])


def middlewares() -> list[Any]:
    """What Serve calls where it starts a server: in its proxies, and in replicas that speak HTTP."""
    import ray
    from starlette.middleware import Middleware

    name = ray.get_runtime_context().get_actor_name() or ""
    return [Middleware(AskAgain)] if name.startswith(PROXY) else []
