"""What runs in Ray Serve's replicas: a door that speaks HTTP, and rooms where models run."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import psutil
from ray import serve
from ray.exceptions import ActorDiedError, ActorUnavailableError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from embedworks.errors import InputError
from embedworks.serving.asgi import AnyRoom, Api
from embedworks.serving.batcher import Closed
from embedworks.serving.config import Served
from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.metrics.reporting import Reporter
from embedworks.serving.observing.replica import here
from embedworks.serving.plan import load_plan
from embedworks.serving.protocol import Answer, ApiError, EmbeddingRequest
from embedworks.serving.refusals import of_input, unforeseen
from embedworks.serving.room import Room
from embedworks.serving.tasks import find_tasks

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05  # before another replica is asked, when one dies with the request in hand
LONGEST_PAUSE_S = 1.0
RETRY_AFTER_S = 1


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


async def answer_or_refuse(room: AnyRoom | Room, request: EmbeddingRequest) -> Answer | ApiError:
    """Embed what was asked. A refusal is returned: raised, Serve would log it, with its message."""
    try:
        return await room.answer(request)
    except ApiError as error:
        return error
    except InputError as error:
        return of_input(error)
    except Closed:
        raise
    except Exception as error:
        return unforeseen(error)


class RoomReplica:
    """The Serve deployment of one model behind a separate door."""

    def __init__(self, served: Served) -> None:
        self.room = Room.open(served)
        self.reporter = Reporter("room")

    async def answer(self, request: EmbeddingRequest) -> Answer | ApiError:
        """Embed what was asked, or return the refusal."""
        return await answer_or_refuse(self.room, request)

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
        self.handle = handle
        self._pooled = pooled
        self._whose = (pooled,) if pooled else ()
        self._card = card

    async def answer(self, request: EmbeddingRequest) -> Answer:
        """Embed what was asked, or raise :class:`ApiError`."""
        answer = await self._call("answer", request)
        if isinstance(answer, ApiError):
            raise answer
        assert isinstance(answer, Answer)
        return answer

    async def describe(self) -> dict[str, Any]:
        """The model as ``/v1/models`` lists it."""
        if self._card is not None:
            return self._card
        description: dict[str, Any] = await self._call("describe", *self._whose)
        return description

    async def _call(self, method: str, *args: Any) -> Any:
        if self._pooled:  # not before: a handle that gets options wants the event loop of its calls
            self.handle = self.handle.options(multiplexed_model_id=self._pooled)
            self._pooled = ""
        pause_s = FIRST_PAUSE_S
        while True:  # the request's own time limit ends it
            response = getattr(self.handle, method).remote(*args)
            try:
                return await response
            except asyncio.CancelledError:  # the request leaves the replica's queue as well
                response.cancel()
                raise
            except BackPressureError:
                raise _too_many() from None
            except (ActorDiedError, ActorUnavailableError) as error:
                log.warning(
                    "asking another replica of %s: %s", self.handle.deployment_name, type(error).__name__
                )
                # Embedding has no side effects, so asking twice is safe.
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


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
        if plan.routes:
            self.rooms = self.switchboard.connect(plan.routes, endpoint.limits.timeout_s)
            self.api.serve(self.rooms)
        gate = Gate(endpoint.keys, endpoint.limits, before=self.api.gate)
        self.api.configure(gate, find_tasks(endpoint.tasks))
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


def _too_many() -> ApiError:
    return ApiError(
        429,
        "too many requests wait for this model already",
        kind="rate_limit_error",
        code="rate_limit_exceeded",
        retry_after_s=RETRY_AFTER_S,
    )
