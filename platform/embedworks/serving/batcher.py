"""Micro-batching: many small requests become few large forward passes, without waiting for a timer.

One thread computes. Whatever arrives while it does waits and forms the next round, so an idle server
answers at once and a busy one batches by itself.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedworks.serving.protocol import ApiError
from embedworks.serving.stopwatch import Stopwatch

Vectors = NDArray[np.float32]
Inputs = Sequence[Any]  # lists of token ids, or the pixels of images
Compute = Callable[[Inputs, int], Vectors]


class Closed(Exception):
    """The batcher takes no more requests; nothing of this one was begun."""


@dataclass(eq=False)
class _Job:
    ids: Inputs
    layers: int
    future: asyncio.Future[Vectors]
    loop: asyncio.AbstractEventLoop
    watch: Stopwatch | None = None
    since: float = field(default_factory=time.perf_counter)
    taken: int = 0
    parts: list[Vectors] = field(default_factory=list)

    def settle(self, error: BaseException | None) -> None:
        if self.future.done():  # the client went away
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(self.parts[0] if len(self.parts) == 1 else np.concatenate(self.parts))


@dataclass(frozen=True)
class Round:
    """What one round was, for whoever counts.

    Attributes:
        texts: Texts, or images.
        tokens: Of the texts; none of images.
        padding: What was computed beside them.
        waited_s: Of every request whose first text was in it: from the queue to here.
        seconds: Of computing.
        failed: Whether it ended in an error.
    """

    texts: int
    tokens: int
    padding: int
    waited_s: list[float]
    seconds: float
    failed: bool


@dataclass
class _Piece:
    job: _Job
    start: int
    stop: int


class Batcher:
    """A queue in front of one computing thread.

    A round reads one depth, that of the request in front. Requests of this depth share its tokens
    equally, and the oldest gets what others leave, so that a request of thousands of texts takes many
    rounds and a short one that comes after it does not wait for them.

    Args:
        compute: ``(ids, layers) -> (n, D)`` vectors; called in the thread, one call at a time.
        max_tokens: Tokens of one round, at least one text.
        max_waiting: Texts that may wait; more are refused. One request is always let in.
        cost: What one input takes of a round, in tokens.
        told: Hears of every round, in the thread.
        spent: Tokens computed so far, and these with padding; read in the thread.
    """

    def __init__(
        self,
        compute: Compute,
        max_tokens: int,
        max_waiting: int,
        cost: Callable[[Any], int] = len,
        told: Callable[[Round], None] | None = None,
        spent: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ) -> None:
        self._compute = compute
        self._spent = spent
        self._told = told
        self._cost = cost
        self._max_tokens = max_tokens
        self._max_waiting = max_waiting
        self._jobs: deque[_Job] = deque()
        self._ready = threading.Condition()
        self._waiting = 0
        self._seconds_a_text = 0.0
        self._open = True
        self._thread = threading.Thread(target=self._work, name="embedworks-batcher", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the computing thread runs."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Texts that wait for a round."""
        return self._waiting

    async def submit(self, ids: Inputs, layers: int, watch: Stopwatch | None = None) -> Vectors:
        """Compute the vectors of one request: ``(len(ids), D)``, in order.

        Args:
            ids: Its inputs.
            layers: To run.
            watch: Hears of the rounds that they were in.

        Raises:
            ApiError: 429 where too much waits already.
            Closed: after :meth:`close`.
        """
        loop = asyncio.get_running_loop()
        job = _Job(ids, layers, loop.create_future(), loop, watch)
        with self._ready:
            if not self._open:
                raise Closed
            self._admit(len(ids))
            self._jobs.append(job)
            self._ready.notify()
        try:
            return await job.future
        except asyncio.CancelledError:  # the client went away: make room for others at once
            self._drop(job)
            raise

    def close(self) -> None:
        """Take no more requests; the thread ends when those that wait are answered."""
        with self._ready:
            self._open = False
            self._ready.notify()

    def _admit(self, texts: int) -> None:
        if self._waiting and self._waiting + texts > self._max_waiting:
            seconds = max(1, math.ceil(self._waiting * self._seconds_a_text))
            raise ApiError(
                429,
                f"{self._waiting} inputs wait already; try again in {seconds} s",
                kind="rate_limit_error",
                code="rate_limit_exceeded",
                retry_after_s=seconds,
            )
        self._waiting += texts

    def _drop(self, job: _Job) -> None:
        with self._ready:
            if job in self._jobs:
                self._jobs.remove(job)
                self._waiting -= len(job.ids) - job.taken

    def _work(self) -> None:
        while pieces := self._next_round():
            started, error, before = time.perf_counter(), None, self._spent()
            try:
                self._run(pieces)
            except Exception as caught:  # one bad round must not end the thread
                error = caught
            done = self._round(pieces, started, before, error is not None)
            self._seconds_a_text += 0.2 * (done.seconds / done.texts - self._seconds_a_text)
            for piece in pieces:
                if piece.job.watch is not None:
                    piece.job.watch.round(started, started + done.seconds, done.tokens, done.padding)
            self._deliver(pieces, error)
            if self._told:  # afterwards: nobody waits for what is counted
                self._told(done)

    def _round(self, pieces: list[_Piece], started: float, before: tuple[int, int], failed: bool) -> Round:
        seconds, (real, computed) = time.perf_counter() - started, self._spent()
        tokens = real - before[0]
        return Round(
            texts=sum(piece.stop - piece.start for piece in pieces),
            tokens=tokens,
            padding=computed - before[1] - tokens,
            waited_s=[started - piece.job.since for piece in pieces if piece.start == 0],
            seconds=seconds,
            failed=failed,
        )

    def _run(self, pieces: list[_Piece]) -> None:
        ids = [row for piece in pieces for row in piece.job.ids[piece.start : piece.stop]]
        vectors = self._compute(ids, pieces[0].job.layers)
        start = 0
        for piece in pieces:
            stop = start + piece.stop - piece.start
            piece.job.parts.append(vectors[start:stop])
            start = stop

    def _deliver(self, pieces: list[_Piece], error: Exception | None) -> None:
        done = [piece.job for piece in pieces if error or piece.stop == len(piece.job.ids)]
        if error:
            self._forget(done)
        for loop in {job.loop for job in done}:
            jobs = [job for job in done if job.loop is loop]
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle_all, jobs, error)

    def _forget(self, jobs: list[_Job]) -> None:
        with self._ready:
            for job in jobs:
                self._waiting -= len(job.ids) - job.taken
                job.taken = len(job.ids)

    def _next_round(self) -> list[_Piece]:
        """The texts of the next round; empty once the batcher is closed."""
        with self._ready:
            while True:
                if pieces := self._take():
                    return pieces
                if not self._open:
                    return []
                self._ready.wait()

    def _take(self) -> list[_Piece]:
        self._drop_cancelled()
        if not self._jobs:
            return []
        depth = self._jobs[0].layers
        sharing = [job for job in self._jobs if job.layers == depth]
        pieces: list[_Piece] = []
        left = self._max_tokens
        # An equal share for all, so that short requests pass a long one; then what that leaves, by age.
        for share in (left // len(sharing), left):
            for job in sharing:
                left -= self._take_from(job, min(share, left), bool(pieces), pieces)
        self._requeue({piece.job for piece in pieces})
        return pieces

    def _drop_cancelled(self) -> None:
        for job in self._jobs:
            if job.future.cancelled():
                self._waiting -= len(job.ids) - job.taken
        self._jobs = deque(job for job in self._jobs if not job.future.cancelled())

    def _requeue(self, served: set[_Job]) -> None:
        """Those that got nothing go first, those with texts left behind them: nobody waits for ever."""
        unserved = [job for job in self._jobs if job not in served]
        self._jobs = deque(
            [*unserved, *(job for job in self._jobs if job in served and job.taken < len(job.ids))]
        )

    def _take_from(self, job: _Job, allowed: int, is_begun: bool, pieces: list[_Piece]) -> int:
        start, spent = job.taken, 0
        while job.taken < len(job.ids):
            cost = self._cost(job.ids[job.taken])
            # The first text of a round is always taken: one may be larger than the budget.
            if spent + cost > allowed and (is_begun or spent):
                break
            spent += cost
            job.taken += 1
        if job.taken > start:
            pieces.append(_Piece(job, start, job.taken))
        self._waiting -= job.taken - start
        return spent


def _settle_all(jobs: list[_Job], error: Exception | None) -> None:
    for job in jobs:
        job.settle(error)
