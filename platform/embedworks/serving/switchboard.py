"""The door's ways to its rooms, which change while requests are in hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ray.serve.handle import DeploymentHandle

from embedworks.serving.asgi import AnyRoom
from embedworks.serving.canary import Split
from embedworks.serving.deployments import RemoteRoom
from embedworks.serving.plan import Route
from embedworks.serving.rolling import APPLICATION
from embedworks.serving.searching.deployment import RemoteIndex
from embedworks.serving.searching.protocol import AnyIndex
from embedworks.serving.searching.settings import ServedIndex
from embedworks.serving.shadow import Shadow

log = logging.getLogger(__name__)

FindHandle = Callable[[str], DeploymentHandle]


class Switchboard:
    """Rooms by the models' names, as routes say.

    Args:
        find: Deployment name to handle; for tests.
    """

    def __init__(self, find: FindHandle | None = None) -> None:
        self._find = find or find_handle
        self._handles: dict[str, DeploymentHandle] = {}
        self._shadows: dict[tuple[str, str], Shadow] = {}
        self._kept: set[str] = set()  # ways to indexes

    def connect(self, routes: Mapping[str, Route], drain_s: float) -> dict[str, AnyRoom]:
        """The rooms of all models; requests in hand go on in those that they are in.

        Args:
            routes: Model name to where its requests go.
            drain_s: After which no request can be in a room that no route leads to.
        """
        rooms = {name: self._room(name, route) for name, route in routes.items()}
        wanted = {name for route in routes.values() for name in deployments(route)}
        self._leave(wanted | self._kept, drain_s)
        kept = {(name, route.shadow[0]) for name, route in routes.items() if route.shadow}
        self._shadows = {key: shadow for key, shadow in self._shadows.items() if key in kept}
        return rooms

    def reach(self, routes: Mapping[str, str], indexes: Sequence[ServedIndex]) -> dict[str, AnyIndex]:
        """The rooms of all indexes; to be asked before :meth:`connect`, which closes other ways.

        Args:
            routes: Index name to its deployment.
            indexes: What the configuration says of them.
        """
        self._kept = set(routes.values())
        return {
            index.name: RemoteIndex(self._handle(routes[index.name]), None if index.replicas.min else index)
            for index in indexes
        }

    def reports(self) -> dict[str, dict[str, Any]]:
        """Model name to how its shadow compares."""
        return {name: shadow.report() for (name, _), shadow in self._shadows.items()}

    def _room(self, name: str, route: Route) -> AnyRoom:
        room = self._remote(route.room, name if route.pooled else "", route.card)
        if not (route.canary or route.shadow):
            return room
        canary = (self._remote(route.canary[0]), route.canary[1]) if route.canary else None
        return Split(name, room, canary, self._shadow(name, route), route.canary_version)

    def _shadow(self, name: str, route: Route) -> Shadow | None:
        if route.shadow is None:
            return None
        deployment, share = route.shadow
        key = (name, deployment)
        if key not in self._shadows:
            self._shadows[key] = Shadow(self._remote(deployment), share)
        self._shadows[key].share = share
        return self._shadows[key]

    def _remote(self, deployment: str, pooled: str = "", card: dict[str, Any] | None = None) -> RemoteRoom:
        return RemoteRoom(self._handle(deployment), pooled, card)

    def _handle(self, deployment: str) -> DeploymentHandle:
        if deployment not in self._handles:
            self._handles[deployment] = self._find(deployment)
        return self._handles[deployment]

    def _leave(self, wanted: set[str], drain_s: float) -> None:
        for name in [name for name in self._handles if name not in wanted]:
            handle = self._handles.pop(name)
            try:
                asyncio.get_running_loop().call_later(drain_s, _shut, handle)
            except RuntimeError:  # no loop: the handle goes with whoever holds it
                continue


def deployments(route: Route) -> list[str]:
    """All that a route leads to."""
    return [route.room, *(part[0] for part in (route.canary, route.shadow) if part)]


def find_handle(deployment: str) -> DeploymentHandle:
    """A handle of the endpoint's deployment, which need not be there yet."""
    from ray import serve

    return serve.get_deployment_handle(deployment, APPLICATION, _check_exists=False)


_shutting: set[asyncio.Task[None]] = set()


def _shut(handle: DeploymentHandle) -> None:
    task = asyncio.get_running_loop().create_task(_close(handle))
    _shutting.add(task)
    task.add_done_callback(_shutting.discard)


async def _close(handle: DeploymentHandle) -> None:
    try:
        await handle.shutdown_async()
    except Exception as error:  # a router that cannot be ended costs memory, not requests
        log.warning("the way to %s stays open: %s", handle.deployment_name, error)
