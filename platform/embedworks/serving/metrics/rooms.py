"""What a room counts: its rounds, what waits, how long the model took to load."""

from __future__ import annotations

import threading

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
        meter: Where to.
    """

    def __init__(self, model: str, meter: Meter = METER) -> None:
        self._labels = (model,)
        self._meter = meter
        self._batchers: list[Batcher] = []
        self._lock = threading.Lock()  # a room of texts and images has two queues, each with its thread

    def watch(self, batcher: Batcher) -> None:
        """Tell how much waits in a queue, beside those that are watched already."""
        self._batchers.append(batcher)
        self._meter.watch(WAITING, self._labels, self._waiting)

    def close(self) -> None:
        """The room is gone."""
        self._meter.unwatch(WAITING, self._labels, self._waiting)

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
        if done.tokens:
            meter.observe(ROUND_TOKENS, labels, done.tokens)
        if done.failed:
            meter.count(FAILED_ROUNDS, labels)
        meter.count(REAL, labels, done.tokens)
        meter.count(COMPUTED, labels, done.tokens + done.padding)

    def _waiting(self) -> float:
        return float(sum(batcher.waiting for batcher in self._batchers))
