"""The door's way to an index in other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray.exceptions import ActorDiedError
from ray.serve.exceptions import BackPressureError

from embedworks.serving import calling
from embedworks.serving.asgi import Api
from embedworks.serving.refusals import ApiError
from embedworks.serving.searching.deployment import IndexReplica, RemoteIndex
from embedworks.serving.searching.protocol import SearchRequest
from embedworks.serving.searching.settings import ServedIndex
from embedworks.serving.switchboard import Switchboard
from helpers.indexes import SmallIndex
from helpers.searching import NEVER_S, index_room, search

REQUEST = SearchRequest(index="docs", query="sort a list")


class Handle:
    """A way to replicas: each call is answered by the next of these, the last one for good."""

    def __init__(self, *answers: Callable[..., Any]) -> None:
        self.deployment_name = "index-docs"
        self.answers = list(answers)
        self.calls = 0

    def __getattr__(self, method: str) -> Any:
        return Method(self, method)


class Method:
    def __init__(self, handle: Handle, name: str) -> None:
        self.handle, self.name = handle, name

    async def remote(self, *args: Any) -> Any:
        self.handle.calls += 1
        answer = self.handle.answers.pop(0) if len(self.handle.answers) > 1 else self.handle.answers[0]
        found = answer(self.name, *args)
        return await found if asyncio.iscoroutine(found) else found


def dies(*_: Any) -> Any:
    raise ActorDiedError


def is_full(*_: Any) -> Any:
    raise BackPressureError(1, 1)


def replica_of(index: SmallIndex) -> IndexReplica:
    replica = IndexReplica.__new__(IndexReplica)
    replica.room = index_room(index)
    return replica


def test_a_search_whose_replica_dies_is_asked_again(
    index: SmallIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "FIRST_PAUSE_S", 0.001)
    replica = replica_of(index)
    handle = Handle(dies, dies, lambda method, *args: getattr(replica, method)(*args))
    remote = RemoteIndex(handle)  # type: ignore[arg-type]
    found = asyncio.run(remote.search(REQUEST))
    assert (found.version, handle.calls) == (index.record.id, 3)
    assert asyncio.run(remote.describe())["id"] == "docs"
    assert asyncio.run(remote.page("map")).startswith(b'{"id":[')


def test_refusals_come_as_values_and_are_raised_here(index: SmallIndex) -> None:
    replica = replica_of(index)
    bad = SearchRequest(index="docs", query="x", columns=["titlle"])
    assert isinstance(asyncio.run(replica.search(bad)), ApiError)
    handle = Handle(lambda method, *args: getattr(replica, method)(*args))
    api = Api({}, indexes={"docs": RemoteIndex(handle)})  # type: ignore[arg-type]
    status, body, _ = search(api, query="x", columns=["titlle"])
    assert (status, body["error"]["param"]) == (400, "columns")


def test_too_many_are_refused() -> None:
    api = Api({}, indexes={"docs": RemoteIndex(Handle(is_full))})  # type: ignore[arg-type]
    status, body, headers = search(api, query="x")
    assert (status, headers["retry-after"]) == (429, "1")
    assert "for this index" in body["error"]["message"]


def test_what_is_unforeseen_is_said_without_its_message() -> None:
    replica = IndexReplica.__new__(IndexReplica)

    class Room:
        async def search(self, request: SearchRequest) -> Any:
            raise RuntimeError("a client's text")

        def close(self) -> None:
            return

    replica.room = Room()  # type: ignore[assignment]
    refusal = asyncio.run(replica.search(REQUEST))
    assert isinstance(refusal, ApiError)
    assert (refusal.status, str(refusal)) == (500, "the server had an error; see its log")


def test_an_index_that_sleeps_is_not_woken_to_be_described(index: SmallIndex) -> None:
    values = {"name": "docs", "path": str(index.path), "replicas": {"min": 0, "max": 1}}
    asleep, awake = ServedIndex.model_validate(values), ServedIndex(name="docs", path="x", follow_s=NEVER_S)

    async def run() -> None:
        handle = Handle(dies)
        board = Switchboard(lambda _: handle)  # type: ignore[arg-type, return-value]
        rooms = board.reach({"docs": "index-docs"}, [asleep])
        assert (await rooms["docs"].describe())["rows"] == index.record.rows
        assert handle.calls == 0
        handle.answers = [lambda *_: {"id": "docs"}]
        assert await board.reach({"docs": "index-docs"}, [awake])["docs"].describe() == {"id": "docs"}

    asyncio.run(run())


def test_ways_to_indexes_stay_while_routes_lead_there(tmp_path: Path) -> None:
    made: list[str] = []

    class Closing(Handle):
        async def shutdown_async(self) -> None:
            made.append("closed")

    def find(name: str) -> Any:
        made.append(name)
        return Closing(dies)

    async def run() -> None:
        board = Switchboard(find)
        served = [ServedIndex(name="docs", path=str(tmp_path))]
        for _ in range(2):
            board.reach({"docs": "index-1"}, served)
            board.connect({}, 0.0)
        board.reach({"docs": "index-2"}, served)
        board.connect({}, 0.0)
        while "closed" not in made:
            await asyncio.sleep(0)

    asyncio.run(run())
    assert made == ["index-1", "index-2", "closed"]
