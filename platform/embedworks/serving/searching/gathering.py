"""Searches that wait at the same time and are alike become one: rows are read once for all their queries.

An idle table is searched at once. Whatever arrives while threads are busy waits, and the next thread that
is free takes the oldest search together with those that ask the same of the table.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embedworks.serving.searching.protocol import SearchRequest
from embedworks.serving.searching.rendering import as_json
from embedworks.task import Vectors
from embedworks.vectors.records import Size
from embedworks.vectors.table import Found, Table

MOST_QUERIES = 256  # of searches that are taken together; one alone may have more


@dataclass(eq=False)
class _Job:
    vectors: Vectors
    request: SearchRequest
    size: Size
    finish: Callable[[Found], Any]
    key: bytes
    future: Future[Any] = field(default_factory=Future)


class Gatherer:
    """The searches of one table.

    Args:
        table: What is searched.
        threads: Where.
    """

    def __init__(self, table: Table, threads: Executor) -> None:
        self._table = table
        self._threads = threads
        self._waiting: deque[_Job] = deque()
        self._lock = threading.Lock()

    async def find(
        self, vectors_Qd: Vectors, request: SearchRequest, size: Size, finish: Callable[[Found], Any]
    ) -> Any:
        """Search, and make something of what was found.

        Args:
            vectors_Qd: Of the queries.
            request: What is asked: limit, filter, columns, exactness.
            size: That the vectors are of.
            finish: Runs in the thread as well; its result is returned.

        Raises:
            InputError: as :meth:`.Table.search` does.
        """
        job = _Job(vectors_Qd, request, size, finish, _key(request, size))
        with self._lock:
            self._waiting.append(job)
        self._threads.submit(self._run)
        return await asyncio.wrap_future(job.future)

    def _run(self) -> None:
        """One search, for all that it serves; nothing where another thread took the last one along."""
        jobs = self._take()
        if not jobs:
            return
        try:
            parts = self._search(jobs)
        except BaseException as error:
            for job in jobs:
                job.future.set_exception(error)
            return
        for job, found in zip(jobs, parts, strict=True):
            try:
                job.future.set_result(job.finish(found))
            except Exception as error:
                job.future.set_exception(error)

    def _take(self) -> list[_Job]:
        with self._lock:
            taken: list[_Job] = []
            left: deque[_Job] = deque()
            queries = 0
            for job in self._waiting:
                alike = not taken or (
                    job.key == taken[0].key and queries + len(job.vectors) <= MOST_QUERIES
                )
                if not alike:
                    left.append(job)
                elif job.future.set_running_or_notify_cancel():  # not one whose client went away
                    taken.append(job)
                    queries += len(job.vectors)
            self._waiting = left
            return taken

    def _search(self, jobs: list[_Job]) -> list[Found]:
        first = jobs[0]
        whole = self._table.search(
            np.concatenate([job.vectors for job in jobs]) if len(jobs) > 1 else first.vectors,
            max(job.request.limit for job in jobs),
            size=first.size,
            where=first.request.filter,
            exact=first.request.exact,
            columns=first.request.columns,
        )
        if len(jobs) == 1:
            return [whole]
        parts, start = [], 0
        for job in jobs:
            stop = start + len(job.vectors)
            parts.append(_cut(whole, slice(start, stop), job.request.limit))
            start = stop
        return parts


def _key(request: SearchRequest, size: Size) -> bytes:
    """Equal for searches that differ in their queries and limits alone."""
    return as_json([size.column, size.dimensions, request.filter, request.exact, request.columns])


def _cut(found: Found, queries: slice, limit: int) -> Found:
    return Found(
        [ids[:limit] for ids in found.ids[queries]],
        [scores[:limit] for scores in found.scores[queries]],
        [rows[:limit] for rows in found.rows[queries]],
        found.exact,
    )
