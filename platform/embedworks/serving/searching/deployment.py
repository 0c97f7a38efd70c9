"""What runs in Ray Serve's replicas of an index, and the door's ways to it."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import cloudpickle
from ray.serve.handle import DeploymentHandle

from embedworks.serving.calling import Caller, or_refusal, raised
from embedworks.serving.finding import Resolve
from embedworks.serving.metrics.reporting import Reporter
from embedworks.serving.refusals import ApiError
from embedworks.serving.searching.protocol import Searched, SearchRequest
from embedworks.serving.searching.rendering import describe
from embedworks.serving.searching.room import IndexRoom
from embedworks.serving.searching.settings import ServedIndex
from embedworks.vectors.table import Table


def describe_folder(index: ServedIndex) -> dict[str, Any]:
    """An index as ``/v1/indexes`` lists it, read from its files.

    Raises:
        InputError: for an index without a version that is complete.
    """
    return describe(index.name, Table.open(index.path))


class IndexReplica:
    """The Serve deployment of one index.

    Args:
        index: Its part of the configuration.
        resolver: Finds models that are in a registry: pickled, as base64.
    """

    def __init__(self, index: ServedIndex, resolver: str | None) -> None:
        resolve: Resolve | None = cloudpickle.loads(base64.b64decode(resolver)) if resolver else None
        self.room = IndexRoom(index, resolve)
        self.reporter = Reporter("index")

    async def search(self, request: SearchRequest) -> Searched | ApiError:
        """Search, or return the refusal."""
        return await or_refusal(self.room.search(request))

    async def describe(self) -> dict[str, Any]:
        """The index as ``/v1/indexes`` lists it."""
        self.room.check()
        return await asyncio.to_thread(lambda: self.room.description)

    async def page(self, name: str) -> bytes:
        """``map`` or ``questions`` as JSON."""
        return await asyncio.to_thread(self.room.page, name)

    def state(self) -> tuple[str, dict[str, Any]]:
        """Which replica this is, and its :meth:`.IndexRoom.state`."""
        from ray import serve

        return serve.get_replica_context().replica_id.unique_id, self.room.state()

    def check_health(self) -> None:
        """Serve replaces the replica when this raises."""
        self.room.check()

    def __del__(self) -> None:
        if hasattr(self, "room"):
            self.room.close()


class LocalIndex:
    """The room of an index in this process, with the interface of a remote one."""

    def __init__(self, room: IndexRoom) -> None:
        self.room = room

    async def search(self, request: SearchRequest) -> Searched:
        """Search, or raise :class:`ApiError`."""
        return await self.room.search(request)

    async def describe(self) -> dict[str, Any]:
        """The index as ``/v1/indexes`` lists it."""
        self.room.check()
        return self.room.description

    async def page(self, name: str) -> bytes:
        """``map`` or ``questions`` as JSON."""
        return self.room.page(name)


class RemoteIndex:
    """The room of an index in other processes. A request whose replica dies is asked of another one.

    Args:
        handle: Of the replicas.
        asleep: The index, where asking for its description would wake it.
    """

    def __init__(self, handle: DeploymentHandle, asleep: ServedIndex | None = None) -> None:
        self._caller = Caller(handle, "index")
        self._asleep = asleep

    async def search(self, request: SearchRequest) -> Searched:
        """Search, or raise :class:`ApiError`."""
        answer = raised(await self._caller.call("search", request))
        assert isinstance(answer, Searched)
        return answer

    async def describe(self) -> dict[str, Any]:
        """The index as ``/v1/indexes`` lists it."""
        if self._asleep is not None:
            return await asyncio.to_thread(describe_folder, self._asleep)
        description: dict[str, Any] = await self._caller.call("describe")
        return description

    async def page(self, name: str) -> bytes:
        """``map`` or ``questions`` as JSON."""
        body: bytes = await self._caller.call("page", name)
        return body
