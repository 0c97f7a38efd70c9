"""What ``serve status`` says of the indexes that are served."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from embedworks.serving.change import ask_replicas, standing_plan
from embedworks.serving.rolling import DOOR, running_replicas

log = logging.getLogger(__name__)

PATIENCE_S = 5.0
SAID = ("version", "rows", "model", "since")


def describe_indexes() -> dict[str, dict[str, Any]]:
    """Index name to what its replicas say; empty while the endpoint cannot say."""
    running = running_replicas()
    if not running.get(DOOR):
        return {}
    try:
        plan = standing_plan()
    except Exception as error:  # a status is asked for above all when something is wrong
        log.warning("the endpoint does not say what it serves: %s: %s", type(error).__name__, error)
        return {}
    paths = {index.name: index.path for index in plan.config.indexes}
    return {
        name: {"path": paths[name], **merged(_states(deployment, running.get(deployment, 0)))}
        for name, deployment in plan.index_routes.items()
    }


def merged(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The states of an index's replicas as one: they go over to a new version one after the other.

    The version is the one that a replica took last; ``versions`` says how many answer with which.
    """
    if not states:
        return dict.fromkeys(SAID) | {"versions": {}, "trouble": None}
    newest = max(states, key=lambda state: int(state["since"]))
    names = [str(state["version"]) for state in states]
    about = {key: newest[key] for key in SAID}
    about["versions"] = {name: names.count(name) for name in dict.fromkeys(names)}
    about["trouble"] = next((state["trouble"] for state in states if state["trouble"]), None)
    return about


def _states(deployment: str, replicas: int) -> list[dict[str, Any]]:
    """What the replicas that were reached say."""
    return list(ask_replicas("state", deployment, replicas, PATIENCE_S).values()) if replicas else []
