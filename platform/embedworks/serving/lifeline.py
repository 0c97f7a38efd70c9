"""Ends the work for a request whose time is over or whose client went away.

Both are rare, so a request pays for no timer and no task of its own: one timer looks at all that are in
hand, and only one that is not answered soon is watched by a task.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from embedworks.serving.refusals import ApiError

TICK_S = 0.02
WATCH_AFTER_S = 0.02  # most requests are answered before that


class ClientGone(Exception):
    """Nobody waits for the answer."""


class Lifelines:
    """The requests in hand."""

    def __init__(self) -> None:
        self._held: set[Lifeline] = set()
        self._ticking: asyncio.AbstractEventLoop | None = None

    def add(self, lifeline: Lifeline, loop: asyncio.AbstractEventLoop) -> None:
        """Look at it from now on."""
        self._held.add(lifeline)
        if self._ticking is not loop:
            self._ticking = loop
            loop.call_later(TICK_S, self._tick, loop)

    def discard(self, lifeline: Lifeline) -> None:
        """It has its answer."""
        self._held.discard(lifeline)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for lifeline in tuple(self._held):
            lifeline.look(now)
        if self._held:
            loop.call_later(TICK_S, self._tick, loop)
        else:
            self._ticking = None


class Lifeline:
    """A context in which a request is read and answered.

    Args:
        lifelines: Where it is looked at.
        receive: ASGI's receive.
        timeout_s: From entering to the answer.
    """

    def __init__(self, lifelines: Lifelines, receive: Any, timeout_s: float) -> None:
        self._lifelines = lifelines
        self._receive = receive
        self._timeout_s = timeout_s
        self._ended: Exception | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._is_read = False

    def __enter__(self) -> Lifeline:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task = task
        self._since = loop.time()
        self._lifelines.add(self, loop)
        return self

    def body_is_read(self) -> None:
        """From here on ``receive`` has nothing more to say than that the client went away."""
        self._is_read = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._lifelines.discard(self)
        if self._watcher is not None:
            self._watcher.cancel()
        if self._ended is not None and self._task.uncancel() == 0:
            raise self._ended from None

    def look(self, now: float) -> None:
        """End the request if its time is over; watch for its client if it takes long."""
        age_s = now - self._since
        if age_s >= self._timeout_s:
            self._end(self._time_over())
        elif self._is_read and self._watcher is None and age_s >= WATCH_AFTER_S:
            self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        try:
            message = await self._receive()
        except Exception:  # a server that cannot say is not asked again
            return
        if message["type"] == "http.disconnect":
            self._end(ClientGone())

    def _time_over(self) -> ApiError:
        if not self._is_read:
            return ApiError(408, f"the body did not arrive within {self._timeout_s:g} s")
        message = f"no answer within {self._timeout_s:g} s"
        return ApiError(504, message, kind="server_error", code="timeout")

    def _end(self, why: Exception) -> None:
        if self._ended is None:
            self._ended = why
            self._task.cancel()
