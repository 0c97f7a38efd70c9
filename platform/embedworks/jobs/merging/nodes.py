"""Where a merge runs: in this process, or spread over the nodes of a cluster that has several."""

from __future__ import annotations

from typing import Any


def merge_options() -> dict[str, Any]:
    """Options of :func:`embedworks.merging.merge.merge` for the Ray cluster that this process is on."""
    import ray

    from embedworks.merging.spread import spread

    cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    cores = [number for number in cores if number]
    return {"run": spread, "tasks": sum(cores)} if len(cores) > 1 else {}
