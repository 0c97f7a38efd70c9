"""What ``serve status`` says of the versions that are served."""

from __future__ import annotations

import logging
from typing import Any

from embedworks.serving import shadow
from embedworks.serving.change import ask, ask_replicas, standing_plan
from embedworks.serving.plan import Plan, part_of
from embedworks.serving.rolling import DOOR, FOLLOWER, running_replicas
from embedworks.serving.rollout import VARIANTS, Revision

log = logging.getLogger(__name__)

PATIENCE_S = 5.0


def describe_versions() -> dict[str, dict[str, Any]]:
    """Model name to its versions; empty while the endpoint cannot say."""
    running = running_replicas()
    if not running.get(DOOR):
        return {}
    try:
        plan = standing_plan()
        follower = _follower(plan, running)
        shadows = _shadows(plan, running[DOOR])
    except Exception as error:  # a status is asked for above all when something is wrong
        log.warning("the endpoint does not say what it serves: %s: %s", type(error).__name__, error)
        return {}
    return {name: describe(name, plan, follower, shadows.get(name)) for name in plan.rollouts}


def describe(
    name: str, plan: Plan, follower: dict[str, Any] | None, report: dict[str, Any] | None
) -> dict[str, Any]:
    """One model's versions, as JSON's values."""
    rollout, model = plan.rollouts[name], plan.config.model(name)
    about: dict[str, Any] = _version(rollout.current)
    about["previous"] = rollout.previous.version if rollout.previous else None
    about["last_roll"] = rollout.last_roll.model_dump() if rollout.last_roll else None
    about["last_failure"] = rollout.last_failure.model_dump() if rollout.last_failure else None
    for role in VARIANTS:
        part, revision = part_of(model, role), rollout.revision(role)
        if part and revision:
            about[role] = {**_version(revision), "share": part.share}
    if report and "shadow" in about:
        about["shadow"]["compared_with_model"] = report
    if name in plan.config.followed or model.follow:
        about["follows"] = {"source": model.source, **(follower or {"looked_at": None, "troubles": {}})}
    return about


def _version(revision: Revision) -> dict[str, Any]:
    return {"version": revision.version, "source": revision.source, "since": revision.since}


def _follower(plan: Plan, running: dict[str, int]) -> dict[str, Any] | None:
    if not plan.config.followed or not running.get(FOLLOWER):
        return None
    try:
        state: dict[str, Any] = ask("state", FOLLOWER, PATIENCE_S)
    except TimeoutError:  # it starts
        return None
    return state


def _shadows(plan: Plan, doors: int) -> dict[str, dict[str, Any]]:
    """How the shadows of all models compare, over the doors that answered."""
    if not any(model.shadow for model in plan.config.models):
        return {}
    found = ask_replicas("shadows", None, doors, PATIENCE_S)
    names = {name for reports in found.values() for name in reports}
    merged = {}
    for name in names:
        reports = [each[name] for each in found.values() if name in each]
        merged[name] = {"doors": len(reports), **shadow.merged(reports)}
    return merged
