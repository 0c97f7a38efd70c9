"""Searches that wait together: those that are alike become one, and each gets its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.serving.searching import gathering
from embedworks.serving.searching.gathering import Gatherer
from embedworks.serving.searching.protocol import SearchRequest
from embedworks.vectors.table import Found, Table
from helpers.indexes import SmallIndex


class Held:
    """A table whose first search waits until it is let go."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.sizes: list[int] = []
        self.began, self.go = threading.Event(), threading.Event()

    def search(self, vectors: np.ndarray, *args: Any, **options: Any) -> Found:
        self.sizes.append(len(vectors))
        self.began.set()
        assert self.go.wait(60)
        return self.table.search(vectors, *args, **options)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as one:
        yield one


@pytest.fixture
def table(index: SmallIndex) -> Table:
    return Table.open(index.path)


def queries(number: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(number, 32)).astype(np.float32)


def request(**fields: Any) -> SearchRequest:
    return SearchRequest(index="docs", query="x", **fields)


def asked(table: Table, threads: ThreadPoolExecutor, jobs: list[tuple[np.ndarray, SearchRequest]]) -> Any:
    """What came of jobs that wait while another one is searched, and how many queries each search had."""
    held = Held(table)
    gatherer = Gatherer(held, threads)  # type: ignore[arg-type]

    async def run() -> list[Any]:
        find = [
            gatherer.find(vectors, each, table.record.full, lambda found: found) for vectors, each in jobs
        ]
        first = asyncio.create_task(gatherer.find(queries(1), request(), table.record.full, len_of))
        assert await asyncio.to_thread(held.began.wait, 60)
        rest = [asyncio.create_task(each) for each in find]
        while len(gatherer._waiting) < len(jobs):
            await asyncio.sleep(0)
        held.go.set()
        await first
        return await asyncio.gather(*rest, return_exceptions=True)

    return asyncio.run(run()), held.sizes[1:]


def len_of(found: Found) -> int:
    return len(found.ids)


def test_alike_ones_become_one_and_each_gets_its_own(table: Table, threads: ThreadPoolExecutor) -> None:
    jobs = [(queries(number, number), request(limit=number + 2)) for number in (1, 3, 2)]
    found, sizes = asked(table, threads, jobs)
    assert sizes == [6]
    for (vectors, each), got in zip(jobs, found, strict=True):
        alone = table.search(vectors, each.limit)
        assert [ids.tolist() for ids in got.ids] == [ids.tolist() for ids in alone.ids]
        assert got.rows == alone.rows
        np.testing.assert_allclose(np.stack(got.scores), np.stack(alone.scores), atol=1e-6)


def test_those_that_differ_are_searched_apart(table: Table, threads: ThreadPoolExecutor) -> None:
    differ = [{}, {"filter": {"topic": "birds"}}, {"columns": ["year"]}, {"exact": True}, {}]
    found, sizes = asked(table, threads, [(queries(1), request(**fields)) for fields in differ])
    assert sizes == [2, 1, 1, 1]
    assert all(row["topic"] == "birds" for row in found[1].rows[0])
    assert set(found[2].rows[0][0]) == {"year"}


def test_no_search_grows_without_end(
    table: Table, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_QUERIES", 4)
    found, sizes = asked(table, threads, [(queries(number), request()) for number in (3, 2, 1, 9)])
    assert sizes == [4, 2, 9]
    assert [len(each.ids) for each in found] == [3, 2, 1, 9]


def test_a_failure_is_everybodys_who_took_part_and_nobody_elses(
    table: Table, threads: ThreadPoolExecutor
) -> None:
    wrong = request(columns=["none"])
    found, sizes = asked(
        table, threads, [(queries(1), wrong), (queries(1), wrong), (queries(1), request())]
    )
    assert sizes == [2, 1]
    assert [type(each) for each in found] == [InputError, InputError, Found]


def test_who_went_away_is_not_searched_for(table: Table, threads: ThreadPoolExecutor) -> None:
    held = Held(table)
    gatherer = Gatherer(held, threads)  # type: ignore[arg-type]

    async def run() -> None:
        full = table.record.full
        tasks = [asyncio.create_task(gatherer.find(queries(1), request(), full, len_of)) for _ in range(3)]
        assert await asyncio.to_thread(held.began.wait, 60)
        gone = asyncio.create_task(gatherer.find(queries(5), request(limit=9), full, len_of))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        held.go.set()
        assert await asyncio.gather(*tasks) == [1, 1, 1]
        assert gone.cancelled()

    asyncio.run(run())
    threads.shutdown()
    assert 5 not in held.sizes
