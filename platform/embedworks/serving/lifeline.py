"""Ends the work for a request whose time is over or whose client went away.

Both are rare, so a request pays for two timers and no task of its own: only one that is not
answered soon is watched.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

from embedworks.serving.refusals import ApiError

WATCH_AFTER_S = 0.02  # most requests are answered before that


class ClientGone(Exception):
    """Nobody waits for the answer."""


class Lifeline:
    """A context in which a request is read and answered.

    Args:
        receive: ASGI's receive.
        timeout_s: From entering to the answer.
    """

    def __init__(self, receive: Any, timeout_s: float) -> None:
        self._receive = receive
        self._timeout_s = timeout_s
        self._ended: Exception | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._is_read = False

    def __enter__(self) -> Lifeline:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._timer = self._loop.call_later(self._timeout_s, self._time_over)
        return self

    def body_is_read(self) -> None:
        """From here on ``receive`` has nothing more to say than that the client went away."""
        self._is_read = True
        self._watching = self._loop.call_later(WATCH_AFTER_S, self._start_watching)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._ended is not None and self._task.uncancel() == 0:
            raise self._ended from None

    def _start_watching(self) -> None:
        self._watcher = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        try:
            message = await self._receive()
        except Exception:  # a server that cannot say is not asked again
            return
        if message["type"] == "http.disconnect":
            self._end(ClientGone())

    def _time_over(self) -> None:
        if self._is_read:
            message = f"no answer within {self._timeout_s:g} s"
            self._end(ApiError(504, message, kind="server_error", code="timeout"))
        else:
            self._end(ApiError(408, f"the body did not arrive within {self._timeout_s:g} s"))

    def _end(self, why: Exception) -> None:
        if self._ended is None:
            self._ended = why
            self._task.cancel()
