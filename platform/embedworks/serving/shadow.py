"""A shadow: another version of a model that gets copies of requests and is compared, and answers nobody.

It never delays a request, for a copy is sent when the answer is there; it never fails one; and it takes a
bounded number at a time, so that a slow shadow misses copies instead of filling the door's memory.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from embedworks.serving.refusals import ApiError
from embedworks.task import Answer, EmbeddingRequest, Vectors

if TYPE_CHECKING:
    from embedworks.serving.asgi import AnyRoom

AT_ONCE = 8
PATIENCE_S = 60.0
KEPT = 1000  # latencies that percentiles are of
MOST_ROWS = 64  # of an answer that are compared: the door has better things to do
EDGES = (-1.0, 0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)  # of the cosines' histogram
PERCENTILES = (50, 95, 99)


class Shadow:
    """Copies of a share of the requests, and how their answers compare.

    Args:
        room: Of the shadow.
        share: Of requests.
        at_once: Copies in hand; more are dropped.
        draw: A number from 0 to 1; for tests.
    """

    def __init__(
        self, room: AnyRoom, share: float, at_once: int = AT_ONCE, draw: Callable[[], float] = random.random
    ) -> None:
        self.room = room
        self.share = share
        self._at_once = at_once
        self._draw = draw
        self._running: set[asyncio.Task[None]] = set()
        self._counts = {"compared": 0, "dropped": 0, "refused": 0, "failed": 0, "other_dimensions": 0}
        self._bins = np.zeros(len(EDGES) - 1, dtype=np.int64)
        self._sum, self._rows, self._least = 0.0, 0, 1.0
        self._ours: deque[float] = deque(maxlen=KEPT)
        self._model: deque[float] = deque(maxlen=KEPT)
        self.version = ""

    def offer(self, request: EmbeddingRequest, answer: Answer, seconds: float) -> None:
        """Send a copy, if it is its turn and there is room.

        Args:
            request: What was asked.
            answer: What the model answered.
            seconds: How long that took.
        """
        if self._draw() >= self.share:
            return
        if len(self._running) >= self._at_once:
            self._counts["dropped"] += 1
            return
        task = asyncio.get_running_loop().create_task(self._copy(request, answer, seconds))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def report(self) -> dict[str, Any]:
        """Counts, latencies in milliseconds, and cosines of the two versions' vectors."""
        cosine: dict[str, Any] = {"vectors": self._rows}
        if self._rows:
            cosine |= {"mean": round(self._sum / self._rows, 6), "least": round(self._least, 6)}
            cosine["histogram"] = [
                {"from": low, "to": high, "vectors": int(number)}
                for low, high, number in zip(EDGES, EDGES[1:], self._bins, strict=False)
            ]
        latency = {"model": _percentiles(self._model), "shadow": _percentiles(self._ours)}
        return {**self._counts, "version": self.version, "latency_ms": latency, "cosine": cosine}

    async def _copy(self, request: EmbeddingRequest, answer: Answer, seconds: float) -> None:
        started = time.perf_counter()
        try:
            other = await asyncio.wait_for(self.room.answer(request), PATIENCE_S)
        except ApiError as error:
            self._counts["refused" if error.status < 500 else "failed"] += 1
            return
        except Exception:  # whatever it is, nobody waits for it
            self._counts["failed"] += 1
            return
        self._ours.append(time.perf_counter() - started)
        self._model.append(seconds)
        self.version = other.version
        self._compare(answer.vectors, other.vectors)

    def _compare(self, model_nd: Vectors, ours_nd: Vectors) -> None:
        self._counts["compared"] += 1
        if model_nd.shape != ours_nd.shape:
            self._counts["other_dimensions"] += 1
            return
        one, other = model_nd[:MOST_ROWS], ours_nd[:MOST_ROWS]
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosines = np.clip((one * other).sum(axis=1) / np.maximum(lengths, 1e-12), -1, 1)
        self._bins += np.histogram(cosines, bins=EDGES)[0]
        self._sum += float(cosines.sum())
        self._rows += len(cosines)
        self._least = min(self._least, float(cosines.min()))


def merged(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """The reports of several doors as one; latencies are those of the door that compared most."""
    most = max(reports, key=lambda report: report["compared"])
    numbers = [key for key, value in most.items() if isinstance(value, int)]
    counts = {key: sum(report[key] for report in reports) for key in numbers}
    seen = [report["cosine"] for report in reports if report["cosine"]["vectors"]]
    rows = sum(cosine["vectors"] for cosine in seen)
    cosine: dict[str, Any] = {"vectors": rows}
    if rows:
        cosine["mean"] = round(sum(each["mean"] * each["vectors"] for each in seen) / rows, 6)
        cosine["least"] = min(each["least"] for each in seen)
        cosine["histogram"] = [
            bin | {"vectors": sum(each["histogram"][i]["vectors"] for each in seen)}
            for i, bin in enumerate(seen[0]["histogram"])
        ]
    return {**most, **counts, "cosine": cosine}


def _percentiles(seconds: deque[float]) -> dict[str, float]:
    if not seconds:
        return {}
    found = np.percentile(list(seconds), PERCENTILES) * 1000
    return {f"p{p}": round(float(value), 2) for p, value in zip(PERCENTILES, found, strict=True)}
