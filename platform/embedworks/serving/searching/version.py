"""A version of an index that is open: its table, and the room of the very model that made its vectors."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor
from functools import cached_property
from typing import Any

from embedworks.embedder import Pair
from embedworks.errors import InputError
from embedworks.serving.finding import Resolve
from embedworks.serving.refusals import ApiError, of_input
from embedworks.serving.room import Room
from embedworks.serving.searching.checking import check_version
from embedworks.serving.searching.making import find_maker, served_maker
from embedworks.serving.searching.metrics import IndexMeter
from embedworks.serving.searching.protocol import Searched, SearchRequest, of_query
from embedworks.serving.searching.rendering import describe, render_hits, render_map, render_questions
from embedworks.serving.searching.settings import ServedIndex
from embedworks.task import Answer
from embedworks.vectors.records import Size, VersionRecord
from embedworks.vectors.table import Table

FIELDS = SearchRequest.__struct_fields__


class OpenVersion:
    """Answers searches of one version of an index.

    Args:
        index: Its part of the endpoint's configuration.
        table: The version's rows.
        room: Of its model.
        threads: Where is searched.
        meter: Counts.
    """

    def __init__(
        self, index: ServedIndex, table: Table, room: Room, threads: Executor, meter: IndexMeter
    ) -> None:
        self.index = index
        self.table = table
        self.room = room
        self.since = int(time.time())
        self._threads = threads
        self._meter = meter

    @classmethod
    def open(
        cls,
        index: ServedIndex,
        record: VersionRecord,
        resolve: Resolve | None,
        threads: Executor,
        meter: IndexMeter,
    ) -> OpenVersion:
        """Open a version, load and warm its model, and check that they belong together.

        Raises:
            InputError: for a table or a model that is not there, or another one than made the vectors.
            CheckFailed: where the model's vectors are not those of the table.
        """
        folder = find_maker(record, resolve)
        table = Table.open(index.path, record)
        room = Room.open(served_maker(index, record, folder))
        try:
            check_version(table, room)
        except BaseException:
            room.close()
            raise
        return cls(index, table, room, threads, meter)

    @property
    def record(self) -> VersionRecord:
        """What the version is."""
        return self.table.record

    async def search(self, request: SearchRequest) -> Searched:
        """Embed the queries and find their rows.

        Raises:
            ApiError: where that cannot be: 400 for the request's fault, 413 for a query that is too long,
                429 when too much waits.
            Closed: after :meth:`close`; nothing was begun.
        """
        size = self._size(request)
        started = time.perf_counter()
        asked = request.embedding(size.layers, size.dimensions)
        try:
            answer = await self.room.answer(asked)
        except ApiError as error:
            raise of_query(error) from None
        embed_s = time.perf_counter() - started
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, self._find, answer, request, size, embed_s)
        except InputError as error:
            raise of_input(error, FIELDS) from None
        self._meter.searched(embed_s, found.search_s)
        return found

    @cached_property
    def description(self) -> dict[str, Any]:
        """The version as ``/v1/indexes`` lists it."""
        points = self.table.map()
        number = points.num_rows if points is not None else 0
        return describe(self.index.name, self.record, number, len(self.table.questions()))

    def page(self, name: str) -> bytes:
        """``map`` or ``questions`` as JSON."""
        return self._map if name == "map" else self._questions

    def close(self) -> None:
        """Take no more requests; those in hand are answered."""
        self.room.close()

    @cached_property
    def _map(self) -> bytes:
        return render_map(self.table)

    @cached_property
    def _questions(self) -> bytes:
        return render_questions(self.table)

    def _size(self, request: SearchRequest) -> Size:
        """What is searched at: a stored size, or one cut from it where that was trained or is allowed."""
        try:
            size = self.table.size(request.layers, request.dimensions)
        except InputError as error:
            param = "dimensions" if request.layers is None else "layers"
            raise ApiError(400, str(error), param=param, code="unknown_size") from None
        if self.index.sizes == "trained" and (size.layers, size.dimensions) not in self._trained:
            known = ", ".join(f"({layers}, {dimensions})" for layers, dimensions in sorted(self._trained))
            message = (
                f"the index is not searched at (layers, dimensions) ({size.layers}, {size.dimensions})"
            )
            raise ApiError(
                400, f"{message}; expected one of {known}", param="dimensions", code="untrained_size"
            )
        return size

    @cached_property
    def _trained(self) -> set[Pair]:
        stored = {(size.layers, size.dimensions) for size in self.record.sizes}
        return stored | set(self.room.embedder.settings.pairs)

    def _find(self, answer: Answer, request: SearchRequest, size: Size, embed_s: float) -> Searched:
        """Runs in a thread."""
        began_ns, started = time.time_ns(), time.perf_counter()
        found = self.table.search(
            answer.vectors,
            request.limit,
            size=size,
            where=request.filter,
            exact=request.exact,
            columns=request.columns,
        )
        search_s = time.perf_counter() - started
        times = (1000 * embed_s, 1000 * search_s)
        return Searched(
            body=render_hits(self.index.name, self.record, size, found, answer.prompt_tokens, times),
            version=self.record.id,
            inputs=len(answer.vectors),
            dimensions=size.dimensions,
            prompt_tokens=answer.prompt_tokens,
            work=answer.work,
            began_ns=began_ns,
            search_s=search_s,
            hits=sum(map(len, found.ids)),
            exact=found.exact,
        )
