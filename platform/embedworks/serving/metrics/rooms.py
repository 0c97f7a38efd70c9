"""What a room counts: its rounds, what waits, how long the model took to load."""

from __future__ import annotations

import threading

from embedworks.inference.engine import Engine
from embedworks.serving.batcher import Batcher, Round
from embedworks.serving.metrics.families import (
    COMPUTE_SECONDS,
    COMPUTED,
    FAILED_ROUNDS,
    QUEUE_SECONDS,
    REAL,
    ROUND_TEXTS,
    ROUND_TOKENS,
    WAITING,
)
from embedworks.serving.metrics.meter import METER, Meter


class RoundMeter:
    """Hears of a room's rounds.

    Args:
        model: Its name.
        engine: Whose tokens are counted after each round.
        meter: Where to.
    """

    def __init__(self, model: str, engine: Engine, meter: Meter = METER) -> None:
        self._labels = (model,)
        self._engine = engine
        self._meter = meter
        self._seen = (engine.real_tokens, engine.computed_tokens)
        self._batchers: list[Batcher] = []
        self._lock = threading.Lock()  # a room of texts and images has two queues, each with its thread

    def watch(self, batcher: Batcher) -> None:
        """Tell how much waits in a queue, beside those that are watched already."""
        self._batchers.append(batcher)
        self._meter.watch(WAITING, self._labels, self._waiting)

    def close(self) -> None:
        """The room is gone."""
        self._meter.watch(WAITING, self._labels, None)

    def __call__(self, done: Round) -> None:
        """Count a round."""
        with self._lock:
            self._count(done)

    def _count(self, done: Round) -> None:
        meter, labels = self._meter, self._labels
        for seconds in done.waited_s:
            meter.observe(QUEUE_SECONDS, labels, seconds)
        meter.observe(COMPUTE_SECONDS, labels, done.seconds)
        meter.observe(ROUND_TEXTS, labels, done.texts)
        meter.observe(ROUND_TOKENS, labels, done.tokens)
        if done.failed:
            meter.count(FAILED_ROUNDS, labels)
        real, computed = self._engine.real_tokens, self._engine.computed_tokens
        meter.count(REAL, labels, real - self._seen[0])
        meter.count(COMPUTED, labels, computed - self._seen[1])
        self._seen = (real, computed)

    def _waiting(self) -> float:
        return float(sum(batcher.waiting for batcher in self._batchers))
