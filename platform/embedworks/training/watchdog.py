"""A thread beside a worker's training: leaves signs of life, hears orders, and ends a worker that hangs."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

import ray

from embedworks.training.lookout import Orders, Sign
from embedworks.training.pulse import Wish

BEAT_SECONDS = 1.0
LONGEST_STEPS = 20  # a step may take so many times the longest one yet
STARTS = 5  # the start and the first step, with their imports and compilers, so many times `hang_seconds`
COLLECTIVES = ("torch/distributed/", "deepspeed/comm/")

# Set by a signal handler in the process's main thread; see `notice_sigterm`.
TERMINATED = threading.Event()


class Watchdog:
    """Runs while the block does.

    Args:
        board: The :class:`.Board` actor.
        rank: This worker.
        hang_seconds: Without the end of a step, this worker is taken to hang.
        leave: Ends the process of a worker that hangs, so that Ray Train starts the group again.
        beat_seconds: Between two signs.
    """

    def __init__(
        self,
        board: Any,
        rank: int,
        hang_seconds: float,
        leave: Callable[[], None] = lambda: os._exit(1),
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        self._board = board
        self._rank = rank
        self._hang_seconds = hang_seconds
        self._leave = leave
        self._beat_seconds = min(beat_seconds, hang_seconds / 4)
        self._step = 0
        self._phase = "start"
        self._since = time.monotonic()
        self._longest = 0.0
        self._has_stepped = False
        self._orders = Orders()
        self._saves: int | None = None  # asked for before this worker group started, and so no news to it
        self._preempted = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="embedworks-watchdog", daemon=True)
        self._watched = threading.get_ident()

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()

    def enter(self, phase: str) -> None:
        """Note what this worker does now."""
        self._phase = phase

    def stand_at(self, done: int, phase: str) -> None:
        """Note how many steps are done where none ended just now, as after a start; and what follows."""
        self._step, self._phase, self._since = done, phase, time.monotonic()

    def step_ended(self, done: int, phase: str) -> None:
        """Note the end of a step, and what follows."""
        if self._has_stepped:  # the first one also loads and compiles
            self._longest = max(self._longest, time.monotonic() - self._since)
        self._has_stepped = True
        self.stand_at(done, phase)

    def limit(self) -> float:
        """Seconds without the end of a step, beyond which this worker is taken to hang."""
        if not self._has_stepped:
            return STARTS * self._hang_seconds
        return max(self._hang_seconds, LONGEST_STEPS * self._longest)

    def wish(self) -> Wish:
        """What this worker was told since it was last asked.

        Every worker hears SIGTERM, and only the first the board and Ray: what one wishes all do, and what
        all heard would be done once for each.
        """
        saves, stop, told = self._orders.saves, False, TERMINATED.is_set()
        is_asked = False
        if self._rank == 0:
            is_asked, stop = self._saves is not None and saves > self._saves, self._orders.stop
            self._saves = None if self._saves is None else saves
            told = told or is_draining()
        is_news, self._preempted = told and not self._preempted, told
        return Wish(is_asked or is_news, stop)

    def _run(self) -> None:
        while not self._stop.wait(self._beat_seconds):
            idle = time.monotonic() - self._since
            is_stuck = idle > self.limit()
            try:
                if is_stuck:
                    heard = ray.get(self._board.report_hang.remote(self._report(), idle))
                else:
                    heard = ray.get(self._board.sign.remote(self._sign()))
            except ray.exceptions.RayActorError:
                return  # the driver is gone, and Ray ends its workers
            self._orders = heard
            if self._saves is None:
                self._saves = heard.saves
            if is_stuck and heard.leave:
                self._leave()

    def _sign(self, **details: Any) -> Sign:
        return Sign(self._rank, self._step, self._phase, **details)

    def _report(self) -> Sign:
        frames = sys._current_frames()
        innermost = frames.get(self._watched)
        waits = innermost is not None and any(part in innermost.f_code.co_filename for part in COLLECTIVES)
        return self._sign(place=place_of(innermost), stacks=stacks_of(frames), waits=waits)


def place_of(frame: FrameType | None) -> str:
    """A frame's file, line and function."""
    if frame is None:
        return "an unknown place"
    return f"{frame.f_code.co_filename}:{frame.f_lineno}, {frame.f_code.co_name}"


def stacks_of(frames: dict[int, FrameType]) -> str:
    """The stacks of all threads, as text."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"thread {names.get(ident, ident)}\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in frames.items()
    )


def is_draining() -> bool:
    """Whether Ray Train told this worker that its node, or another worker's, is about to be taken away.

    ``ray.train.get_preemption_info`` says the same, behind a barrier of all workers.
    """
    from ray.train.v2._internal.execution.context import get_train_context

    return get_train_context().preemption_context.preemption_info is not None
