"""A shadow never delays or fails a request, takes a bounded number, and compares what it answers."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from embedworks.serving.canary import Split
from embedworks.serving.refusals import ApiError
from embedworks.serving.shadow import Shadow, merged
from embedworks.task import Answer, EmbeddingRequest

REQUEST = EmbeddingRequest(model="docs", input=["a", "b"])


class Room:
    """Answers with given vectors, when it is let."""

    def __init__(self, vectors: list[list[float]], version: str = "2") -> None:
        self.vectors = np.array(vectors, dtype=np.float32)
        self.version = version
        self.error: Exception | None = None
        self.go_on: asyncio.Event | None = None
        self.asked = 0

    async def answer(self, request: EmbeddingRequest) -> Answer:
        self.asked += 1
        if self.go_on:
            await self.go_on.wait()
        if self.error:
            raise self.error
        return Answer(self.vectors, 2, version=self.version)

    async def describe(self) -> dict[str, Any]:
        return {}


async def settle(shadow: Shadow) -> None:
    while shadow._running:
        await asyncio.sleep(0)


def compared(model: Room, other: Room, times: int = 1) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        shadow = Shadow(other, 1.0)
        split = Split("docs", model, None, shadow)
        for _ in range(times):
            answer = await split.answer(REQUEST)
            assert answer.version == "1", "a shadow answers nobody"
            await settle(shadow)
        return shadow.report()

    return asyncio.run(run())


def test_cosines_and_latencies_are_kept() -> None:
    report = compared(Room([[1, 0], [0, 1]], "1"), Room([[1, 0], [1, 0]]), times=3)
    assert (report["compared"], report["version"]) == (3, "2")
    assert report["cosine"]["vectors"] == 6
    assert report["cosine"]["mean"] == 0.5
    assert report["cosine"]["least"] == 0.0
    counts = {(bin["from"], bin["to"]): bin["vectors"] for bin in report["cosine"]["histogram"]}
    assert counts[0.999, 1.0] == 3
    assert counts[0.0, 0.5] == 3
    assert report["latency_ms"]["shadow"]["p50"] >= 0
    assert report["latency_ms"]["model"]["p99"] >= 0


def test_other_dimensions_are_counted_and_not_compared() -> None:
    report = compared(Room([[1, 0], [0, 1]], "1"), Room([[1, 0, 0], [0, 1, 0]]))
    assert (report["compared"], report["other_dimensions"], report["cosine"]) == (1, 1, {"vectors": 0})


@pytest.mark.parametrize(
    ("error", "count"), [(ApiError(400, "no such size"), "refused"), (RuntimeError("dead"), "failed")]
)
def test_what_a_shadow_fails_is_counted_and_nobody_sees_it(error: Exception, count: str) -> None:
    other = Room([[1, 0]])
    other.error = error
    report = compared(Room([[1, 0], [0, 1]], "1"), other)
    assert report[count] == 1
    assert report["compared"] == 0


def test_a_slow_shadow_delays_nothing_and_drops_what_it_has_no_room_for() -> None:
    async def run() -> tuple[dict[str, Any], int]:
        other = Room([[1, 0], [0, 1]])
        other.go_on = asyncio.Event()
        shadow = Shadow(other, 1.0, at_once=2)
        split = Split("docs", Room([[1, 0], [0, 1]], "1"), None, shadow)
        for _ in range(5):
            await split.answer(REQUEST)
            await asyncio.sleep(0)
        asked = other.asked
        other.go_on.set()
        await settle(shadow)
        return shadow.report(), asked

    report, asked = asyncio.run(run())
    assert asked == 2
    assert (report["compared"], report["dropped"]) == (2, 3)


def test_the_share_of_requests_is_drawn() -> None:
    async def run() -> int:
        draws = iter([0.1, 0.3, 0.19, 0.9])
        other = Room([[1, 0], [0, 1]])
        shadow = Shadow(other, 0.2, draw=draws.__next__)
        for _ in range(4):
            shadow.offer(REQUEST, Answer(other.vectors, 2), 0.1)
        await settle(shadow)
        return other.asked

    assert asyncio.run(run()) == 2


def test_a_request_that_fails_is_not_copied() -> None:
    async def run() -> int:
        model, other = Room([[1, 0]], "1"), Room([[1, 0]])
        model.error = ApiError(400, "no")
        with pytest.raises(ApiError):
            await Split("docs", model, None, Shadow(other, 1.0)).answer(REQUEST)
        await asyncio.sleep(0)
        return other.asked

    assert asyncio.run(run()) == 0


def test_reports_of_several_doors_are_added() -> None:
    same = Room([[1, 0], [0, 1]], "1")
    one, two = compared(same, Room([[1, 0], [0, 1]]), 1), compared(same, Room([[0, 1], [1, 0]]), 3)
    both = merged([one, two])
    assert both["compared"] == 4
    assert both["cosine"]["vectors"] == 8
    assert both["cosine"]["mean"] == pytest.approx(0.25)
    assert both["cosine"]["least"] == 0.0
    assert sum(bin["vectors"] for bin in both["cosine"]["histogram"]) == 8
