"""A version of an index that is open: its table, and the room of the very model that made its vectors."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from contextlib import suppress
from functools import cached_property, partial
from typing import Any

from embedworks.embedder import Pair
from embedworks.errors import InputError, nearest
from embedworks.serving.finding import Resolve
from embedworks.serving.pairs import choose_size
from embedworks.serving.refusals import ECHOED, ApiError, shown
from embedworks.serving.room import Room
from embedworks.serving.searching.checking import check_version
from embedworks.serving.searching.gathering import Gatherer
from embedworks.serving.searching.making import served_maker
from embedworks.serving.searching.metrics import IndexMeter
from embedworks.serving.searching.protocol import Searched, SearchRequest, of_query
from embedworks.serving.searching.rendering import describe, render_hits, render_map, render_questions
from embedworks.serving.searching.settings import ServedIndex
from embedworks.task import Answer
from embedworks.vectors.filters import read_filter
from embedworks.vectors.maker import find_maker
from embedworks.vectors.records import Size, VersionRecord
from embedworks.vectors.table import Found, Table

MESSAGE = 500  # characters of what is wrong with a filter, which may quote it


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
        self._gatherer = Gatherer(table, threads)
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
        self._check(request)
        size = self._size(request)
        started = time.perf_counter()
        asked = request.embedding(size.layers, size.dimensions)
        try:
            answer = await self.room.answer(asked)
        except ApiError as error:
            raise of_query(error) from None
        embed_s = time.perf_counter() - started
        finish = partial(self._render, answer, size, embed_s, time.time_ns(), time.perf_counter())
        found: Searched = await self._gatherer.find(answer.vectors, request, size, finish)
        self._meter.searched(embed_s, found.search_s)
        return found

    @cached_property
    def description(self) -> dict[str, Any]:
        """The version as ``/v1/indexes`` lists it."""
        return describe(self.index.name, self.table)

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

    def _check(self, request: SearchRequest) -> None:
        """Refuse what cannot be found before anything is embedded."""
        known = self.table.columns
        for name in request.columns or ():
            if name not in known:
                hint = nearest(name[:ECHOED], known)
                expected = f"did you mean {hint!r}?" if hint else f"expected some of {', '.join(known)}"
                message = f"the index keeps no column {shown(name)}; {expected}"
                raise ApiError(400, message, param="columns")
        try:
            read_filter(request.filter, self.table.schema.remove_metadata())
        except InputError as error:
            raise ApiError(400, str(error)[:MESSAGE], param="filter") from None

    def _size(self, request: SearchRequest) -> Size:
        """What is searched at; what a request leaves open is filled in as for embeddings."""
        asked = (request.layers, request.dimensions)
        full = self.record.full
        chosen = choose_size(*asked, sorted(self._trained), (full.layers, full.dimensions))
        if not chosen.trained and self.index.sizes == "trained":
            raise self._unknown(asked)
        try:
            return self.table.size(chosen.layers, chosen.dimensions)
        except InputError:
            raise self._unknown(asked) from None

    def _unknown(self, asked: tuple[int | None, int | None]) -> ApiError:
        layers, dimensions = asked
        param = "dimensions" if layers is None else "layers"
        known = ", ".join(f"({n}, {d})" for n, d in sorted(self._trained))
        also = ", or the first dimensions of one of these" if self.index.sizes == "any" else ""
        said = ", ".join(
            f"{name}={value}"
            for name, value in (("layers", layers), ("dimensions", dimensions))
            if value is not None
        )
        message = f"the index is not searched at {said}; expected (layers, dimensions) of {known}{also}"
        return ApiError(400, message, param=param, code="untrained_size")

    @cached_property
    def _trained(self) -> set[Pair]:
        """Stored sizes, and those that the model was trained at and that can be cut from these."""
        found = {(size.layers, size.dimensions) for size in self.record.sizes}
        for pair in self.room.embedder.settings.pairs:
            with suppress(InputError):
                self.table.size(*pair)
                found.add(pair)
        return found

    def _render(
        self, answer: Answer, size: Size, embed_s: float, began_ns: int, began: float, found: Found
    ) -> Searched:
        """Runs in a thread; the time of a search is from its vectors to its rows, waiting included."""
        search_s = time.perf_counter() - began
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
