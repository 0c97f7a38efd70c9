"""From one plan of an endpoint to the next on Ray Serve, without losing a request.

A deployment never changes what it runs. What is new starts beside the old and checks itself; then the doors
are told, at once; then the old finishes what it has in hand and goes. Where the new does not come up, the
doors were told nothing and it is taken away again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from typing import Any

from embedworks.serving.plan import Plan, RoomSpec

APPLICATION = "embedworks"
DOOR = "door"
FOLLOWER = "follower"
LOOK_EVERY_S = 0.2
SETTLED_S = 5.0  # a state that is as old as this is no longer that before the change
Rooms = Mapping[str, RoomSpec]
# The last line of a traceback; a class may be named with its module.
RAISED = re.compile(r"^\s*(?:[\w.]+\.)?(\w*(?:Error|Failed|Exception)\b.*)$", re.MULTILINE)


class RollFailed(RuntimeError):
    """What is new did not come up; what was there goes on."""


def roll(plan: Plan, standing: Plan | None, timeout_s: float) -> None:
    """Make an endpoint what a plan says.

    Args:
        plan: What it shall be, laid out.
        standing: What it is; None where there is none.
        timeout_s: For new replicas to come up.

    Raises:
        RollFailed: where they do not; the endpoint is as it was.
    """
    old = standing.rooms if standing else {}
    fresh = [name for name in plan.rooms if name not in old]
    started = _begin(plan, standing, fresh)
    both = {**old, **plan.rooms}
    if standing and fresh:
        _try(standing, both, fresh, started, timeout_s)
    try:
        _run(plan, both, started, [*plan.rooms], timeout_s)
    except RollFailed:
        if standing:
            _put_back(standing)
        raise
    if both.keys() != plan.rooms.keys():
        _run(plan, plan.rooms, {}, [*plan.rooms], timeout_s)
    if standing is None:
        _await_proxies()


def _try(
    standing: Plan,
    both: Rooms,
    fresh: Collection[str],
    started: Mapping[str, int],
    timeout_s: float,
) -> None:
    """Start what is new behind doors that know nothing of it."""
    try:
        _run(standing, both, started, fresh, timeout_s)
    except BaseException:
        _put_back(standing)
        raise


def _put_back(standing: Plan) -> None:
    from embedworks.serving.application import build

    _submit(build(standing))


def _begin(plan: Plan, standing: Plan | None, fresh: Collection[str]) -> dict[str, int]:
    """How many replicas a new deployment begins with: as many as answer for its model now."""
    running = running_replicas() if standing else {}
    found = {}
    for name, spec in plan.rooms.items():
        replicas = spec.owner.replicas
        now = running.get(_before(name, spec, standing), 0)
        if name in fresh:
            found[name] = min(max(1, replicas.min, now), replicas.max)
        elif replicas.max > replicas.min:
            found[name] = min(max(replicas.min, now), replicas.max)
    return {name: number for name, number in found.items() if number}


def _before(name: str, spec: RoomSpec, standing: Plan | None) -> str:
    """The deployment that answers now for what a deployment is going to answer for."""
    if standing is None:
        return ""
    return name if name in standing.rooms else standing.answers_for(spec)


def running_replicas() -> dict[str, int]:
    """Deployment name to replicas that answer."""
    from ray import serve

    application = serve.status().applications.get(APPLICATION)
    every = application.deployments.items() if application else ()
    return {name: int(each.replica_states.get("RUNNING", 0)) for name, each in every}


def _run(
    plan: Plan,
    rooms: Rooms,
    started: Mapping[str, int],
    needed: Collection[str],
    timeout_s: float,
) -> None:
    from embedworks.serving.application import build

    _submit(build(plan, rooms, started))
    _wait([DOOR, *needed, *([FOLLOWER] if plan.config.followed else ())], timeout_s)


def _submit(application: Any) -> None:
    from ray.serve.api import _run as submit

    # serve.run waits for ever, also for deployments that have nothing to do with the change.
    submit(application, name=APPLICATION, route_prefix="/", _blocking=False)


def _await_proxies() -> None:
    from ray.serve.context import _get_global_client

    client: Any = _get_global_client()
    client.wait_for_proxies_serving()


def _wait(needed: Collection[str], timeout_s: float) -> None:
    from ray import serve

    started = well_since = time.monotonic()
    while True:
        application = serve.status().applications.get(APPLICATION)
        if application is None:
            raise RollFailed("the endpoint was deleted meanwhile")
        if not all(_state(application, name) == "HEALTHY" for name in needed):
            well_since = time.monotonic()
        # Something else may never come up; that is no reason to keep what is needed from answering.
        if _is_done(application, needed) or time.monotonic() - well_since > SETTLED_S:
            return
        if time.monotonic() - started > timeout_s:
            raise RollFailed(
                f"not every replica came up within {timeout_s:g} s: {_late(application, needed)}"
            )
        time.sleep(LOOK_EVERY_S)


def _late(application: Any, needed: Collection[str]) -> str:
    late = [name for name in needed if _state(application, name) != "HEALTHY"]
    return "; ".join(
        f"{name}: {getattr(application.deployments.get(name), 'message', '')}" for name in late
    )


def _is_done(application: Any, needed: Collection[str]) -> bool:
    state = str(application.status.value)
    if state == "RUNNING":
        return True
    failed = [name for name in needed if _state(application, name) == "DEPLOY_FAILED"]
    if failed:
        raise RollFailed(reason(application.deployments[failed[0]].message))
    if state == "DEPLOY_FAILED" and not application.deployments:
        raise RollFailed(reason(application.message))
    return False


def _state(application: Any, name: str) -> str:
    found = application.deployments.get(name)
    return str(found.status.value) if found else ""


def reason(message: str) -> str:
    """Why a replica did not start, out of what Serve says: the last thing that was raised.

    >>> reason("It failed. Error:\\nTraceback:\\n  ...\\nembedworks.serving.checks.CheckFailed: zero")
    'CheckFailed: zero'
    """
    raised = RAISED.findall(message)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return str(raised[-1]).strip() if raised else (lines[-1] if lines else "")
