"""The endpoint's HTTP side as one bare ASGI application: no framework between a request and its room."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from embedworks.errors import InputError
from embedworks.serving.canary import Split, client_of
from embedworks.serving.codec import Codec, encode
from embedworks.serving.gate import Gate, Visit
from embedworks.serving.health import health
from embedworks.serving.http import (
    VERSION_HEADER,
    Headers,
    Receive,
    Scope,
    Send,
    expect_json,
    expect_method,
    lifespan,
    read_body,
    respond,
)
from embedworks.serving.lifeline import ClientGone, Lifeline, Lifelines
from embedworks.serving.metrics.exposition import CONTENT_TYPE, exposition
from embedworks.serving.metrics.meter import METER
from embedworks.serving.metrics.requests import GONE, RequestMeter, RequestNote
from embedworks.serving.openapi import describe_api
from embedworks.serving.pages import load_pages, report_page
from embedworks.serving.refusals import ApiError, of_input, shown, unforeseen, unknown_model
from embedworks.serving.searching.endpoint import INDEXES, SEARCH, Indexes
from embedworks.serving.searching.protocol import AnyIndex, SearchRequest, of_field
from embedworks.serving.tasks import AnyTask, Tasks, builtin_tasks
from embedworks.task import Answer, EmbeddingRequest, SearchTask, Task

ROOT = "/v1/"
MODELS = "/v1/models"
METRICS = "/metrics"
REPORT = "/report"

Perform = Callable[..., Awaitable[bytes]]  # of a request, its visit, its bytes, headers to add, its note


class AnyRoom(Protocol):
    """A room, here or in another process."""

    async def answer(self, request: EmbeddingRequest) -> Answer:
        """Embed what was asked, or raise :class:`ApiError`."""
        ...

    async def describe(self) -> dict[str, Any]:
        """The model as ``/v1/models`` lists it; raises if the room cannot answer."""
        ...


class Api:
    """Routes requests to rooms.

    Args:
        rooms: Model name to room.
        gate: Keys, quotas and limits; the default lets everybody in.
        tasks: What can be asked; the default is the built-in ones.
        indexes: Index name to room.
    """

    def __init__(
        self,
        rooms: Mapping[str, AnyRoom],
        gate: Gate | None = None,
        tasks: Tasks | None = None,
        indexes: Mapping[str, AnyIndex] | None = None,
    ) -> None:
        self.serve(rooms, indexes)
        self._lifelines = Lifelines()
        self._meter = RequestMeter()
        self.metrics = own_metrics
        self.observe: Callable[[RequestNote], None] | None = None  # told of every request, once answered
        self.names_requests = True  # in `x-request-id` of the answer, unless the server around it does
        self.configure(gate or Gate(), builtin_tasks() if tasks is None else tasks)

    def configure(self, gate: Gate, tasks: Tasks, playground: bool = True, report: str = "") -> None:
        """Replace keys, limits, tasks and pages; requests in hand go on under the old ones."""
        self.gate = gate
        self._tasks: dict[str, tuple[str, Codec, Perform]] = {
            ROOT + name: (name, Codec(task.request), partial(self._perform(task), task))
            for name, task in tasks.items()
        }
        self._tasks[SEARCH] = ("search", Codec(SearchRequest), self._search)
        self._pages = load_pages() if playground else {}
        self._report = report_page(report) if report else None
        self._document = describe_api(tasks, keyed=not gate.is_open, pages=self._pages, report=bool(report))

    def serve(self, rooms: Mapping[str, AnyRoom], indexes: Mapping[str, AnyIndex] | None = None) -> None:
        """Replace the rooms; requests in hand go on in the old ones."""
        self._rooms = rooms
        self._indexes = Indexes(indexes or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "lifespan":
            return await lifespan(receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close"})
        extra: dict[str, str] = {}
        note = self._meter.begin()
        try:
            status, body = 200, await self._route(scope, receive, extra, note)
        except ApiError as error:
            status, body = error.status, error.body()
            note.refuse(error)
            extra |= error.headers
            if error.retry_after_s is not None:
                extra["retry-after"] = str(error.retry_after_s)
        except ClientGone:
            return self._end(note, GONE)
        except Exception as error:
            status, body = 500, unforeseen(error).body()
            note.fail(error)
        except BaseException:  # the server ends, or gives the request up
            self._end(note, GONE)
            raise
        if self.names_requests:
            extra["x-request-id"] = note.request_id
        self._meter.end(note, status)
        try:
            await respond(send, status, body, extra)
        finally:  # nobody waits for what is told
            if self.observe is not None:
                self.observe(note)

    def _end(self, note: RequestNote, status: int) -> None:
        self._meter.end(note, status)
        if self.observe is not None:
            self.observe(note)

    async def _route(
        self, scope: Scope, receive: Receive, extra: dict[str, str], note: RequestNote
    ) -> bytes:
        path, method = scope["path"].rstrip("/"), scope["method"]
        headers: Headers = dict(scope.get("headers", ()))
        note.headers = headers
        if found := self._tasks.get(path):
            note.task = found[0]
            return await self._task(*found[1:], method, headers, receive, extra, note)
        if path in ("/healthz", "/openapi.json"):
            expect_method(method, "GET")
            if path == "/openapi.json":
                return self._document
            return await health(self._describe_all(), self._indexes.describe(), self.gate.is_open)
        if page := self._pages.get(path):
            expect_method(method, "GET")
            return page.answer(headers, extra)
        self.gate.admit(headers)
        if path == METRICS:
            expect_method(method, "GET")
            extra["content-type"] = CONTENT_TYPE
            return await self.metrics()
        if path == REPORT and self._report:
            expect_method(method, "GET")
            return self._report.answer(headers, extra)
        for root in (MODELS, INDEXES):
            if path == root or path.startswith(f"{root}/"):
                expect_method(method, "GET")
                found = await self._list(root, path.removeprefix(root).removeprefix("/"))
                if found is not None:
                    return encode(found)
        raise self._unknown_path(scope["path"])

    async def _list(self, root: str, name: str) -> Any:
        """What is served, or one of it by name; None for a path that is none."""
        if name:
            return await (self._room(name).describe() if root == MODELS else self._indexes.card(name))
        cards = self._describe_all() if root == MODELS else self._indexes.describe()
        return {"object": "list", "data": await cards}

    async def _task(
        self,
        codec: Codec,
        perform: Perform,
        method: str,
        headers: Headers,
        receive: Receive,
        extra: dict[str, str],
        note: RequestNote,
    ) -> bytes:
        visit = self.gate.admit(headers)
        note.key = visit.key_name
        expect_method(method, "POST")
        limits = self.gate.limits
        expect_json(headers, limits.body_bytes)
        try:
            visit.count()
            with Lifeline(self._lifelines, receive, limits.timeout_s) as lifeline:
                body = await read_body(receive, limits.body_bytes)
                lifeline.body_is_read()
                return await perform(codec.decode(body), visit, len(body), extra, note)
        except InputError as error:
            raise of_input(error, codec.fields) from None
        finally:
            extra |= visit.headers()

    def _choose(self, request: Any, visit: Visit, headers: Headers) -> AnyRoom:
        """One room for all that a request asks, so that its vectors are of one version."""
        room = self._room(request.model)
        return room.chosen(client_of(visit.key_id, request, headers)) if isinstance(room, Split) else room

    async def _embed(
        self,
        task: Task[Any],
        request: Any,
        visit: Visit,
        body_bytes: int,
        extra: dict[str, str],
        note: RequestNote,
    ) -> bytes:
        room = self._choose(request, visit, note.headers)
        note.model = request.model
        asked = task.ask(request)
        visit.reserve(asked, body_bytes)
        answers: Sequence[Answer] = ()
        try:
            answers = [await room.answer(asked[0])] if len(asked) == 1 else await _answers(room, asked)
        finally:
            visit.settle(answers)
        note.answers = answers
        if answers and answers[0].version:
            extra[VERSION_HEADER] = answers[0].version
        return encode(task.answer(request, answers))

    def _perform(self, task: AnyTask) -> Perform:
        return self._look_up if isinstance(task, SearchTask) else self._embed

    async def _look_up(self, task: SearchTask[Any], request: Any, *visit: Any) -> bytes:
        search = msgspec.convert(dict(task.ask(request)), SearchRequest)
        try:
            body = await self._indexes.search(search, *visit)
        except (ApiError, InputError) as error:
            refused = of_input(error, ("query",)) if isinstance(error, InputError) else error
            raise of_field(refused, "query", task.query) from None
        return encode(task.answer(request, msgspec.json.decode(body)))

    def _search(self, *given: Any) -> Awaitable[bytes]:
        return self._indexes.search(*given)

    async def _describe_all(self) -> list[dict[str, Any]]:
        return list(await asyncio.gather(*(room.describe() for room in self._rooms.values())))

    def _room(self, name: str) -> AnyRoom:
        if name not in self._rooms:
            raise unknown_model(name, list(self._rooms))
        return self._rooms[name]

    def _unknown_path(self, path: str) -> ApiError:
        known = ", ".join(["/healthz", METRICS, MODELS, INDEXES, "/openapi.json", *self._tasks])
        return ApiError(404, f"unknown path {shown(path)}; expected one of {known}", code="unknown_url")


async def own_metrics() -> bytes:
    """This process's numbers, for an API that is no part of an endpoint."""
    return exposition(METER.snapshot())


async def _answers(room: AnyRoom, asked: Sequence[EmbeddingRequest]) -> list[Answer]:
    try:
        async with asyncio.TaskGroup() as group:  # when one is refused, the others leave the queue
            running = [group.create_task(_answer(room, one)) for one in asked]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in running]


async def _answer(room: AnyRoom, request: EmbeddingRequest) -> Answer:
    return await room.answer(request)
