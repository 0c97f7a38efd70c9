"""What runs in Ray Serve's replicas: a door that speaks HTTP, and rooms where models run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import psutil
from ray import serve
from ray.serve.handle import DeploymentHandle

from embedworks.serving.asgi import AnyRoom, Api
from embedworks.serving.calling import Caller, or_refusal, raised
from embedworks.serving.config import Served
from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.metrics.reporting import Reporter
from embedworks.serving.observing.replica import here
from embedworks.serving.plan import load_plan
from embedworks.serving.protocol import Answer, ApiError, EmbeddingRequest
from embedworks.serving.room import Room
from embedworks.serving.searching.protocol import AnyIndex
from embedworks.serving.tasks import find_tasks


class LocalRoom:
    """A room in this process, with the interface of a remote one."""

    def __init__(self, served: Served) -> None:
        self.room = Room.open(served)

    async def answer(self, request: EmbeddingRequest) -> Answer:
        """Embed what was asked."""
        return await self.room.answer(request)

    async def describe(self) -> dict[str, Any]:
        """The model as ``/v1/models`` lists it."""
        self.room.check()
        return self.room.description


class RoomReplica:
    """The Serve deployment of one model behind a separate door."""

    def __init__(self, served: Served) -> None:
        self.room = Room.open(served)
        self.reporter = Reporter("room")

    async def answer(self, request: EmbeddingRequest) -> Answer | ApiError:
        """Embed what was asked, or return the refusal."""
        return await or_refusal(self.room.answer(request))

    def describe(self) -> dict[str, Any]:
        """The model as ``/v1/models`` lists it."""
        self.room.check()
        return self.room.description

    def check_health(self) -> None:
        """Serve replaces the replica when this raises."""
        self.room.check()


class RemoteRoom:
    """A room in other processes. A request whose replica dies is asked of another one.

    Args:
        handle: Of the replicas.
        pooled: The model's name where the replicas are a pool's.
        card: What it is described as where asking would wake it.
    """

    def __init__(
        self, handle: DeploymentHandle, pooled: str = "", card: dict[str, Any] | None = None
    ) -> None:
        self._caller = Caller(handle, "model", pooled)
        self._whose = (pooled,) if pooled else ()
        self._card = card

    async def answer(self, request: EmbeddingRequest) -> Answer:
        """Embed what was asked, or raise :class:`ApiError`."""
        answer = raised(await self._caller.call("answer", request))
        assert isinstance(answer, Answer)
        return answer

    async def describe(self) -> dict[str, Any]:
        """The model as ``/v1/models`` lists it."""
        if self._card is not None:
            return self._card
        description: dict[str, Any] = await self._caller.call("describe", *self._whose)
        return description


class Door:
    """The Serve deployment that takes HTTP requests.

    Args:
        served: The models.
        handles: What starts with the door; None runs the single model here.
    """

    def __init__(self, served: list[Served], handles: object) -> None:
        from embedworks.serving.switchboard import Switchboard

        self.observers = here()
        self.config: dict[str, Any] = {}
        self.local: list[Room] = []
        self.switchboard = Switchboard()
        self.rooms: dict[str, AnyRoom] = {}
        self.indexes: Mapping[str, AnyIndex] = {}
        if handles is None:
            self.rooms = {model.name: self._open(model) for model in served}
        # Nobody has this key: the door stays shut until it was told who may come in.
        self.api = Api(self.rooms, Gate([make_key("nobody")[1]]))
        self.api.metrics = Reporter("door").text
        self.api.names_requests = False  # Serve does

    def __del__(self) -> None:  # Serve calls it when the replica has to go
        self.observers.close()

    def __serve_build_asgi_app__(self) -> Api:
        return self.api

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Take over keys, limits, tasks and routes, and keep the rest for changes to start from.

        Serve calls it before the first request, and again when they change: no model is loaded anew. It
        runs on the event loop, on which the ways to rooms have to be opened.
        """
        self.config = config
        plan = load_plan(config)
        endpoint = plan.config
        if plan.rooms:
            self.indexes = self.switchboard.reach(plan.index_routes, endpoint.indexes)
            self.rooms = self.switchboard.connect(plan.routes, endpoint.limits.timeout_s)
            self.api.serve(self.rooms, self.indexes)
        gate = Gate(endpoint.keys, endpoint.limits, before=self.api.gate)
        self.api.configure(gate, find_tasks(endpoint.tasks), endpoint.playground, endpoint.report)
        self.observers.configure(endpoint.tracing, endpoint.logs)
        self.api.observe = None if self.observers.are_idle else self.observers

    def configuration(self) -> dict[str, Any]:
        """The endpoint's plan, as it was deployed last."""
        return self.config

    def shadows(self) -> tuple[str, dict[str, dict[str, Any]]]:
        """Which replica this is, and how its models' shadows compare."""
        return serve.get_replica_context().replica_id.unique_id, self.switchboard.reports()

    def check_health(self) -> None:
        """Serve replaces the replica when this raises."""
        for room in self.local:
            room.check()

    def _open(self, model: Served) -> LocalRoom:
        if model.threads is None and model.num_cpus == 1 and model.replicas.max == 1:
            # Nothing else of the endpoint computes, and nobody said how much of the machine it may have.
            model = model.model_copy(update={"threads": own_cores()})
        local = LocalRoom(model)
        self.local.append(local.room)
        return local


def own_cores() -> int:
    """Cores, not threads of cores, that this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or allowed, allowed))
