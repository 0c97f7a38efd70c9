"""Observers of a replica of Ray Serve, with its name and the folder of its logs."""

from __future__ import annotations

from pathlib import Path

from ray import serve
from ray.serve._private.logging_utils import get_serve_logs_dir
from ray.serve.exceptions import RayServeException

from embedworks.serving.observing.observers import Observers


def here() -> Observers:
    """Of this process, which need not be a replica."""
    try:
        instance = serve.get_replica_context().replica_id.unique_id
    except RayServeException:
        instance = "local"
    return Observers(instance, Path(get_serve_logs_dir()))
