"""An endpoint's configuration as one Ray Serve application."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from ray import serve

import embedworks
from embedworks.serving.config import Pool, ServeConfig, Served
from embedworks.serving.deployments import RETRY_AFTER_S, Door, RoomReplica
from embedworks.serving.pool import PoolReplica

DOOR = "door"
DOOR_CPUS = 0.1  # of a separate door: it parses, waits and renders
MAX_ONGOING = 2048  # requests a replica holds; its own queue refuses earlier
REPLICA_CODE = (
    "*.py",
    "serving/*.py",
    "serving/tasks/*.py",
    "inference/*.py",
    "inference/backends/*.py",
    "nn/*.py",
    "transforms/*.py",
)  # what replicas have imported
SURGE_PERCENT = 25  # at least one new replica starts before an old one stops


def build(config: ServeConfig, served: list[Served]) -> serve.Application:
    """The Serve application of an endpoint whose models were found."""
    door = serve.ingress()(Door)
    user_config = config.model_dump(mode="json")
    if config.is_shared:
        options = _model_options(served[0], DOOR)
        return _deployment(door, "shared", served, user_config=user_config, **options).bind(served, None)
    pools = {pool.name: _pool(pool, served) for pool in config.pools}
    rooms = {model.name: pools[model.pool] if model.pool else _room(model) for model in served}
    options = _common_options(DOOR) | {"num_replicas": config.door_replicas}
    options |= {"ray_actor_options": {"num_cpus": DOOR_CPUS}, "user_config": user_config}
    return _deployment(door, "door", served, **options).bind(served, rooms)


def _room(model: Served) -> serve.Application:
    options = _model_options(model, _deployment_name("room", model.name))
    return _deployment(RoomReplica, "room", [model], **options).bind(model)


def _pool(pool: Pool, served: list[Served]) -> serve.Application:
    members = [model for model in served if model.pool == pool.name]
    options = _model_options(pool, _deployment_name("pool", pool.name))
    deployment = _deployment(PoolReplica, f"pool of {pool.models_in_memory}", members, **options)
    return deployment.bind(members, pool)


def _deployment(cls: type, kind: str, served: list[Served], **options: Any) -> serve.Deployment:
    deployment = serve.deployment(cls, **options)
    # serve.run would give every deployment a new version, and start all replicas again for a change
    # of their number. Only the option that Serve keeps for itself sets a version.
    return deployment.options(version=_version(kind, served), _internal=True)


def _model_options(model: Served | Pool, name: str) -> dict[str, Any]:
    options = _common_options(name)
    options["ray_actor_options"] = {"num_cpus": model.num_cpus, "num_gpus": model.num_gpus}
    if model.replicas.max > model.replicas.min:
        options["autoscaling_config"] = {
            "min_replicas": model.replicas.min,
            "max_replicas": model.replicas.max,
            "target_ongoing_requests": model.replicas.target_requests,
        }
    else:
        options["num_replicas"] = model.replicas.min
    return options


def _common_options(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "max_ongoing_requests": MAX_ONGOING,
        "max_queued_requests": MAX_ONGOING,
        "max_surge_percent": SURGE_PERCENT,
        "backpressure_config": {"status_code": 429, "retry_after_s": RETRY_AFTER_S},
        "logging_config": {"enable_access_log": False},
    }


def _version(kind: str, served: list[Served]) -> str:
    """Equal as long as running replicas may go on: scaling must not load models again."""
    digest = hashlib.sha256(kind.encode())
    for pattern in REPLICA_CODE:
        _add_files(digest, Path(embedworks.__file__).parent, pattern)
    for model in served:
        digest.update(model.model_dump_json(exclude={"replicas", "created"}).encode())
        _add_files(digest, model.folder, "**/*")
    return digest.hexdigest()[:16]


def _add_files(digest: hashlib._Hash, folder: Path, pattern: str) -> None:
    for file in sorted(folder.glob(pattern)):
        stat = file.stat()
        digest.update(f"{file}:{stat.st_size}:{stat.st_mtime_ns}".encode())


def _deployment_name(kind: str, name: str) -> str:
    # Names may hold anything, a deployment's may not; the digest keeps two of them apart.
    words = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    return f"{kind}-{words}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
