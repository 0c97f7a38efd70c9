"""Changes of an endpoint that runs: another version of a model, a canary promoted, the version before."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from embedworks.errors import InputError
from embedworks.serving.finding import find_revision
from embedworks.serving.plan import Plan, load_plan
from embedworks.serving.replicas import Replicas
from embedworks.serving.rolling import APPLICATION, DOOR, RollFailed, roll, running_replicas
from embedworks.serving.rollout import Revision, Role
from embedworks.serving.turn import turn

START_TIMEOUT_S = 600.0  # for a version's replicas to come up
ASK_TIMEOUT_S = 30.0
ASKS_A_REPLICA = 5

Tell = Callable[[str], object]

log = logging.getLogger(__name__)


class DeployedEndpoint:
    """The endpoint of the connected cluster, as a follower sees it."""

    def plan(self) -> Plan:
        """The endpoint as it is."""
        return standing_plan()

    def take(self, name: str, role: Role, revision: Revision) -> bool:
        """Roll to a version; where it fails its checks, keep the one before and note why."""
        with turn():
            plan = standing_plan()
            rollout = plan.rollouts[name].saw(role, revision.version)
            now = rollout.revision(role)
            if now and now.version == revision.version:  # promoted by hand before its alias moved
                make(plan.with_rollout(name, rollout), plan)
                return True
            moved = rollout.moved(role, revision, int(time.time()), "the alias moved")
            try:
                make(plan.with_rollout(name, moved), plan)
            except RollFailed as error:
                refused = plan.rollouts[name].refused(role, revision.version, int(time.time()), str(error))
                make(plan.with_rollout(name, refused), plan)
                return False
        return True

    def refuse(self, name: str, role: Role, version: str, reason: str) -> None:
        """Note that a version cannot be served, so that it is not tried again."""
        with turn():
            plan = standing_plan()
            refused = plan.rollouts[name].refused(role, version, int(time.time()), reason)
            make(plan.with_rollout(name, refused), plan)


def make(plan: Plan, standing: Plan | None) -> None:
    """Lay a plan out and roll to it.

    Raises:
        RollFailed: where its replicas do not come up; the endpoint is as it was.
    """
    from embedworks.serving.application import lay_out

    roll(lay_out(plan), standing, START_TIMEOUT_S)


def standing_plan() -> Plan:
    """The plan of the endpoint that runs.

    Raises:
        InputError: if none does.
    """
    from ray import serve

    if APPLICATION not in serve.status().applications:
        raise InputError("no endpoint runs on this cluster", expected="`embedworks serve CONFIG` first")
    return load_plan(ask("configuration"))


def answering_plan() -> Plan | None:
    """The plan of the endpoint that runs; None where there is none, or none that ever came up."""
    return standing_plan() if running_replicas().get(DOOR) else None


def ask(method: str, deployment: str | None = None, timeout_s: float = ASK_TIMEOUT_S) -> Any:
    """Call a method of the endpoint's door, or of another of its deployments, that takes nothing."""
    from ray import serve

    if deployment is None:
        handle = serve.get_app_handle(APPLICATION)
    else:
        handle = serve.get_deployment_handle(deployment, APPLICATION)
    if not handle.is_initialized:
        # Where Serve is tuned for throughput, a handle would use its caller's event loop: here is none.
        handle._init(_run_router_in_separate_loop=True)
    return getattr(handle, method).remote().result(timeout_s=timeout_s)


def ask_replicas(method: str, deployment: str | None, replicas: int, timeout_s: float) -> dict[str, Any]:
    """What each replica answers that was reached, by the name that it gives first in its answer.

    Serve chooses who answers a question; several questions reach most of them. It never raises: what some
    say is worth showing, above all when something is wrong.
    """
    found: dict[str, Any] = {}
    for _ in range(1 if replicas == 1 else ASKS_A_REPLICA * replicas):
        try:
            name, answer = ask(method, deployment, timeout_s)
        except Exception as error:
            log.warning(
                "%s does not say its %s: %s", deployment or "the door", method, type(error).__name__
            )
            break
        found[name] = answer
        if len(found) == replicas:
            break
    return found


def scale(name: str, replicas: Replicas, tell: Tell | None = None) -> Plan:
    """Change how many replicas a model has; its version stays.

    Raises:
        InputError: for an endpoint or a model that is not there, or a model that cannot be scaled so.
    """
    with turn(tell):
        plan = standing_plan()
        model = plan.config.model(name)
        if model.pool:
            raise InputError(f"model {name!r} is in pool {model.pool!r}", expected="`replicas` of the pool")
        if not replicas.min and plan.config.is_shared:
            expected = "a minimum of 1, or `door: separate` in the configuration"
            raise InputError(f"model {name!r} runs in the door, which always runs", expected=expected)
        changed = model.model_copy(update={"replicas": _wanted(replicas, model.replicas)})
        made = plan.with_rollout(name, plan.rollouts[name], changed)
        make(made, plan)
    return made


def scale_index(name: str, replicas: Replicas, tell: Tell | None = None) -> Plan:
    """Change how many replicas an index has.

    Raises:
        InputError: for an endpoint or an index that is not there.
    """
    with turn(tell):
        plan = standing_plan()
        index = plan.config.index(name)
        made = plan.with_index(index.model_copy(update={"replicas": _wanted(replicas, index.replicas)}))
        make(made, plan)
    return made


def _wanted(replicas: Replicas, before: Replicas) -> Replicas:
    """A number of replicas, with the idle time of before where it says none."""
    idle_s = replicas.idle_s if "idle_s" in replicas.model_fields_set else before.idle_s
    return replicas.model_copy(update={"idle_s": idle_s})


def promote(name: str, tell: Tell | None = None) -> Plan:
    """Make a model's canary the model, for everybody.

    Raises:
        InputError: for a model that is not there or has no canary.
        RollFailed: where it does not come up in the model's number of replicas.
    """
    with turn(tell):
        plan = standing_plan()
        model, rollout = plan.config.model(name), plan.rollouts[name]
        if model.canary is None or rollout.canary is None:
            raise InputError(
                f"model {name!r} has no canary", expected="`canary: {source, share}` of a model"
            )
        moved = rollout.moved("model", rollout.canary, int(time.time()), "the canary was promoted")
        # A model that follows an alias goes on doing so: it rolls again when the alias moves.
        source = model.source if name in plan.config.followed else model.canary.source
        changed = model.model_copy(update={"canary": None, "source": source})
        made = plan.with_rollout(name, moved.model_copy(update={"canary": None}), changed)
        make(made, plan)
    return made


def roll_back(name: str, tell: Tell | None = None) -> Plan:
    """Go back to the version that answered before; a second time comes back.

    Raises:
        InputError: for a model that is not there, or that had no other version, or one that is gone.
        RollFailed: where it does not come up.
    """
    with turn(tell):
        plan = standing_plan()
        plan.config.model(name)
        rollout = plan.rollouts[name]
        if rollout.previous is None:
            raise InputError(f"model {name!r} had no other version", expected="one that was rolled before")
        before = _again(name, plan)
        made = plan.with_rollout(name, rollout.moved("model", before, int(time.time()), "rolled back"))
        make(made, plan)
    return made


def _again(name: str, plan: Plan) -> Revision:
    """The previous version, found again where its folder was a temporary one."""
    previous = plan.rollouts[name].previous
    assert previous is not None
    if previous.folder.is_dir():
        return previous
    return find_revision(plan.config.model(name), previous.source, plan.resolve())
