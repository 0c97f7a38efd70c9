"""An endpoint's configuration as one Ray Serve application."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray import serve

import embedworks
from embedworks.serving.calling import RETRY_AFTER_S
from embedworks.serving.config import Pool, ServeConfig, Served
from embedworks.serving.deployments import Door, RoomReplica
from embedworks.serving.plan import Plan, RoomSpec, Route, part_of
from embedworks.serving.pool import PoolReplica, describe_folder
from embedworks.serving.replicas import Replicas
from embedworks.serving.rolling import DOOR, FOLLOWER
from embedworks.serving.rollout import VARIANTS, Role
from embedworks.serving.searching.deployment import IndexReplica
from embedworks.serving.searching.settings import ServedIndex
from embedworks.serving.watch import FollowerReplica

DOOR_CPUS = 0.1  # of a separate door: it parses, waits and renders
MAX_ONGOING = 2048  # requests a replica holds; its own queue refuses earlier
REPLICA_CODE = (
    "*.py",
    "serving/*.py",
    "serving/tasks/*.py",
    "serving/metrics/*.py",
    "serving/observing/*.py",
    "serving/searching/*.py",
    "serving/playground/*",
    "vectors/*.py",
    "inference/*.py",
    "inference/backends/*.py",
    "nn/*.py",
    "transforms/*.py",
)  # what replicas have imported
SURGE_PERCENT = 25  # at least one new replica starts before an old one stops
START_ATTEMPTS = 2  # of a replica that never started; Serve's own 20 would load a broken model for minutes
DRAIN_MARGIN_S = 5.0
DRAIN_LOOK_S = 1.0  # between looks at a replica that finishes; routers hear of it within that time
HEALTH_PERIOD_S = 5.0
LOOK_BACK_S = 30.0
# What a replica does not know of its model: it stays when one of these changes.
UNSEEN = {"replicas", "created", "follow", "canary", "shadow"}

Started = Mapping[str, int]


def lay_out(plan: Plan) -> Plan:
    """The plan with the deployments that it needs, and where the requests of each model go."""
    if plan.config.is_shared:
        return plan
    served = plan.served()
    rooms, routes = {}, {}
    for pool in plan.config.pools:
        spec = RoomSpec(models=[model for model in served if model.pool == pool.name], pool=pool)
        rooms[room_name(spec)] = spec
    pools = {spec.pool.name: name for name, spec in rooms.items() if spec.pool}
    for model in served:
        routes[model.name] = Route(room=pools.get(model.pool or "", ""), pooled=bool(model.pool))
        if not model.pool:
            variants = {role: plan.variant(model.name, role) for role in VARIANTS}
            names = {role: _add(rooms, variant) for role, variant in variants.items()}
            route, canary = _route(model, _add(rooms, model), names), variants["canary"]
            version = canary.version if canary and route.canary else None
            routes[model.name] = route.model_copy(update={"canary_version": version})
    specs = {index.name: RoomSpec(index=index) for index in plan.config.indexes}
    ways = {name: room_name(spec, plan.resolver) for name, spec in specs.items()}
    rooms |= {ways[name]: spec for name, spec in specs.items()}
    return plan.model_copy(update={"rooms": rooms, "routes": routes, "index_routes": ways})


def _add(rooms: dict[str, RoomSpec], model: Served | None) -> str | None:
    if model is None:
        return None
    spec = RoomSpec(models=[model])
    name = room_name(spec)
    rooms[name] = spec  # where canary and model are one version, the model's number of replicas counts
    return name


def _route(model: Served, room: str | None, names: Mapping[Role, str | None]) -> Route:
    assert room is not None
    shares = {
        role: (name, part.share)
        for role, name in names.items()
        if name and (part := part_of(model, role)) and name != room
    }
    card = None if model.replicas.min else describe_folder(model)
    return Route(room=room, card=card, canary=shares.get("canary"), shadow=shares.get("shadow"))


def build(
    plan: Plan, rooms: Mapping[str, RoomSpec] | None = None, started: Started | None = None
) -> serve.Application:
    """The Serve application of a plan that was laid out.

    Args:
        plan: What the door knows.
        rooms: Deployments to run, the plan's own by default: while one version takes over from another,
            those of both.
        started: Replicas to begin with, of deployments that follow the traffic.
    """
    door = serve.ingress()(Door)
    config, user_config = plan.config, plan.dump()
    if config.is_shared:
        served = plan.served()
        options = _model_options(served[0], DOOR, config)
        return _deployment(door, "shared", served, user_config=user_config, **options).bind(served, None)
    bound = [
        _room(name, spec, plan, (started or {}).get(name)) for name, spec in (rooms or plan.rooms).items()
    ]
    if config.followed:
        bound.append(_follower(plan))
    options = _common_options(DOOR, config) | {"num_replicas": config.door_replicas}
    options |= {"ray_actor_options": {"num_cpus": DOOR_CPUS}, "user_config": user_config}
    return _deployment(door, "door", [], **options).bind([], bound)


def _room(name: str, spec: RoomSpec, plan: Plan, begin: int | None) -> serve.Application:
    options = _model_options(spec.owner, name, plan.config)
    if begin and "autoscaling_config" in options:
        options["autoscaling_config"]["initial_replicas"] = begin
    version = name.rpartition("-")[2]
    cls, what = _runs(spec, plan.resolver)
    return serve.deployment(cls, **options).options(version=version, _internal=True).bind(*what)


def _runs(spec: RoomSpec, resolver: str | None) -> tuple[type, tuple[Any, ...]]:
    """The class of a deployment's replicas, and what they are made of."""
    if spec.index:
        return IndexReplica, (spec.index, resolver)
    return (PoolReplica, (spec.models, spec.pool)) if spec.pool else (RoomReplica, (spec.models[0],))


def _follower(plan: Plan) -> serve.Application:
    options = _common_options(FOLLOWER, plan.config) | {"num_replicas": 1}
    options |= {"ray_actor_options": {"num_cpus": 0}, "max_surge_percent": 0}
    every_s = min(each.every_s for each in plan.config.followed.values())
    kind = f"follower {every_s} {plan.resolver}"
    return _deployment(FollowerReplica, kind, [], **options).bind(plan.resolver, every_s)


def _deployment(cls: type, kind: str, served: list[Served], **options: Any) -> serve.Deployment:
    deployment = serve.deployment(cls, **options)
    # serve.run would give every deployment a new version, and start all replicas again for a change
    # of their number. Only the option that Serve keeps for itself sets a version.
    return deployment.options(version=_version(kind, served), _internal=True)


def _model_options(model: Served | Pool | ServedIndex, name: str, config: ServeConfig) -> dict[str, Any]:
    options = _common_options(name, config)
    # Serve compares them as JSON, in which 0 and 0.0 differ: replicas would start again.
    sizes = {"num_cpus": float(model.num_cpus), "num_gpus": float(model.num_gpus)}
    options["ray_actor_options"] = sizes
    if model.replicas.max > model.replicas.min:
        options["autoscaling_config"] = autoscaling(model.replicas)
    else:
        options["num_replicas"] = model.replicas.min
    return options


def autoscaling(replicas: Replicas) -> dict[str, Any]:
    """Serve's settings for a number of replicas that follows the traffic."""
    values: dict[str, Any] = {
        "min_replicas": replicas.min,
        "max_replicas": replicas.max,
        "target_ongoing_requests": replicas.target_requests,
    }
    if not replicas.min:
        # Serve looks at the mean of a while; a short idle time needs a short while.
        values["downscale_to_zero_delay_s"] = replicas.idle_s
        values["look_back_period_s"] = min(LOOK_BACK_S, replicas.idle_s)
    return values


def _common_options(name: str, config: ServeConfig) -> dict[str, Any]:
    return {
        "name": name,
        "max_ongoing_requests": MAX_ONGOING,
        "max_queued_requests": MAX_ONGOING,
        "max_surge_percent": SURGE_PERCENT,
        "max_constructor_retry_count": START_ATTEMPTS,
        # What is in hand when a replica has to go is finished: a request may take as long as its limit.
        "graceful_shutdown_timeout_s": config.limits.timeout_s + DRAIN_MARGIN_S,
        "graceful_shutdown_wait_loop_s": DRAIN_LOOK_S,
        "health_check_period_s": HEALTH_PERIOD_S,
        "backpressure_config": {"status_code": 429, "retry_after_s": RETRY_AFTER_S},
        "logging_config": {"enable_access_log": False},
    }


def _version(kind: str, served: list[Served]) -> str:
    """Equal as long as running replicas may go on: scaling must not load models again."""
    digest = hashlib.sha256(kind.encode())
    for pattern in REPLICA_CODE:
        _add_files(digest, Path(embedworks.__file__).parent, pattern)
    for model in served:
        digest.update(model.model_dump_json(exclude=UNSEEN).encode())
        _add_files(digest, model.folder, "**/*")
    return digest.hexdigest()[:16]


def _add_files(digest: hashlib._Hash, folder: Path, pattern: str) -> None:
    for file in sorted(folder.glob(pattern)):
        stat = file.stat()
        digest.update(f"{file}:{stat.st_size}:{stat.st_mtime_ns}".encode())


def room_name(spec: RoomSpec, resolver: str | None = None) -> str:
    """A name that stays as long as running replicas may go on: a deployment never changes what it runs.

    The version of an index is no part of it: its replicas follow the folder.
    """
    kind = "index" if spec.index else "pool" if spec.pool else "room"
    name = spec.models[0].name if kind == "room" else spec.owner.name
    # Names may hold anything, a deployment's may not; the digest keeps two of them apart.
    words = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    settings = "" if kind == "room" else spec.owner.model_dump_json(exclude={"replicas"})
    what = f"{kind} {name} {settings}{resolver if spec.index and resolver else ''}"
    return f"{kind}-{words}-{_version(what, spec.models)}"
