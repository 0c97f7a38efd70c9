import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from embedworks.inference.tokens import TokenIds
from embedworks.serving.batcher import Batcher, Closed, Vectors
from embedworks.serving.protocol import ApiError


class Recorder:
    """Computes the first id of each text; the first round waits until it is released."""

    def __init__(self) -> None:
        self.rounds: list[tuple[TokenIds, int]] = []
        self.started = threading.Event()
        self.release = threading.Event()

    def __call__(self, ids: TokenIds, layers: int) -> Vectors:
        self.rounds.append((ids, layers))
        self.started.set()
        assert self.release.wait(5)
        if any(row[0] == 13 for row in ids):
            raise ValueError("unlucky")
        return np.array([[row[0]] for row in ids], dtype=np.float32)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.release.set()


async def behind_a_blocked_round(
    recorder: Recorder, batcher: Batcher, jobs: list[tuple[TokenIds, int]]
) -> tuple["asyncio.Task[Vectors]", list["asyncio.Task[Vectors]"]]:
    first = asyncio.create_task(batcher.submit([[0]], 1))
    await asyncio.to_thread(recorder.started.wait, 5)
    tasks = [asyncio.create_task(batcher.submit(*job)) for job in jobs]
    await asyncio.sleep(0.01)
    return first, tasks


def test_what_arrives_during_a_round_shares_the_next(recorder: Recorder) -> None:
    async def run() -> list[Any]:
        batcher = Batcher(recorder, max_tokens=100, max_waiting=100)
        first, tasks = await behind_a_blocked_round(recorder, batcher, [([[1], [2]], 1), ([[3]], 1)])
        recorder.release.set()
        return [(await task).tolist() for task in [first, *tasks]]

    assert asyncio.run(run()) == [[[0]], [[1], [2]], [[3]]]
    assert recorder.rounds[1:] == [([[1], [2], [3]], 1)]


def test_rounds_keep_to_the_token_budget_and_a_request_may_span_several(recorder: Recorder) -> None:
    recorder.release.set()
    texts = [[i] * 4 for i in range(1, 8)] + [[9] * 50]

    async def run() -> Vectors:
        return await Batcher(recorder, max_tokens=12, max_waiting=100).submit(texts, 1)

    assert asyncio.run(run())[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 9]
    assert [len(ids) for ids, _ in recorder.rounds] == [3, 3, 1, 1]


def test_a_round_has_one_depth_and_nobody_is_overtaken_for_ever(recorder: Recorder) -> None:
    jobs = [([[1]], 2), ([[2]], 3), ([[3]], 2), ([[4]], 3)]

    async def run() -> list[Any]:
        batcher = Batcher(recorder, max_tokens=100, max_waiting=100)
        _, tasks = await behind_a_blocked_round(recorder, batcher, jobs)
        recorder.release.set()
        return [(await task).tolist() for task in tasks]

    assert asyncio.run(run()) == [[[1]], [[2]], [[3]], [[4]]]
    assert recorder.rounds[1:] == [([[1], [3]], 2), ([[2], [4]], 3)]


def test_short_requests_pass_a_long_one_which_still_ends(recorder: Recorder) -> None:
    jobs = [([[i] * 2 for i in range(20, 40)], 1), ([[1] * 2], 1), ([[2] * 2], 1), ([[3] * 2], 2)]

    async def run() -> list[Any]:
        batcher = Batcher(recorder, max_tokens=12, max_waiting=100)
        _, tasks = await behind_a_blocked_round(recorder, batcher, jobs)
        recorder.release.set()
        return [(await task)[:, 0].tolist() for task in tasks]

    assert asyncio.run(run()) == [list(range(20, 40)), [1], [2], [3]]
    rounds = [([row[0] for row in ids], layers) for ids, layers in recorder.rounds[1:]]
    # Two texts of the long one are its share, two more are what the short ones left of theirs.
    assert rounds[:3] == [([20, 21, 1, 2, 22, 23], 1), ([3], 2), ([24, 25, 26, 27, 28, 29], 1)]


def test_a_text_larger_than_its_share_waits_for_room_and_is_not_forgotten(recorder: Recorder) -> None:
    jobs = [([[1] * 9], 1), ([[2] * 9], 1), ([[3] * 2], 1)]

    async def run() -> list[Any]:
        batcher = Batcher(recorder, max_tokens=12, max_waiting=100)
        _, tasks = await behind_a_blocked_round(recorder, batcher, jobs)
        recorder.release.set()
        return [(await task)[:, 0].tolist() for task in tasks]

    assert asyncio.run(run()) == [[1], [2], [3]]
    assert [[row[0] for row in ids] for ids, _ in recorder.rounds[1:]] == [[1, 3], [2]]


def test_a_full_queue_refuses_with_429_and_recovers(recorder: Recorder) -> None:
    async def run() -> None:
        batcher = Batcher(recorder, max_tokens=100, max_waiting=3)
        _, tasks = await behind_a_blocked_round(recorder, batcher, [([[1], [2]], 1)])
        with pytest.raises(ApiError) as caught:
            await batcher.submit([[3], [4]], 1)
        assert caught.value.status == 429
        assert caught.value.retry_after_s is not None
        assert caught.value.retry_after_s >= 1
        recorder.release.set()
        await asyncio.gather(*tasks)
        assert batcher.waiting == 0
        assert len(await batcher.submit([[5]] * 20, 1)) == 20  # an idle server takes any one request

    asyncio.run(run())


def test_a_failed_round_fails_its_requests_only(recorder: Recorder) -> None:
    async def run() -> None:
        batcher = Batcher(recorder, max_tokens=2, max_waiting=100)
        _, tasks = await behind_a_blocked_round(recorder, batcher, [([[1], [13], [2], [3]], 1), ([[4]], 1)])
        recorder.release.set()
        with pytest.raises(ValueError, match="unlucky"):
            await tasks[0]
        assert (await tasks[1]).tolist() == [[4]]
        assert batcher.alive
        assert batcher.waiting == 0

    asyncio.run(run())


def test_a_client_that_went_away_is_not_computed(recorder: Recorder) -> None:
    async def run() -> None:
        batcher = Batcher(recorder, max_tokens=100, max_waiting=100)
        _, tasks = await behind_a_blocked_round(recorder, batcher, [([[1], [2]], 1), ([[3]], 1)])
        tasks[0].cancel()
        await asyncio.sleep(0)
        recorder.release.set()
        assert (await tasks[1]).tolist() == [[3]]
        assert batcher.waiting == 0

    asyncio.run(run())
    assert recorder.rounds[1:] == [([[3]], 1)]


def test_closing_ends_the_thread(recorder: Recorder) -> None:
    batcher = Batcher(recorder, max_tokens=1, max_waiting=1)
    assert batcher.alive
    batcher.close()
    batcher._thread.join(5)
    assert not batcher.alive


def test_what_waits_when_it_closes_is_answered_and_nothing_more_is_taken(recorder: Recorder) -> None:
    async def run() -> list[Any]:
        batcher = Batcher(recorder, max_tokens=1, max_waiting=100)
        first, tasks = await behind_a_blocked_round(recorder, batcher, [([[1]], 1), ([[2]], 1)])
        batcher.close()
        with pytest.raises(Closed):
            await batcher.submit([[3]], 1)
        recorder.release.set()
        answers = [(await task).tolist() for task in [first, *tasks]]
        batcher._thread.join(5)
        assert not batcher.alive
        return answers

    assert asyncio.run(run()) == [[[0]], [[1]], [[2]]]
