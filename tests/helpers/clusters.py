"""Ray clusters of tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def local_cluster() -> Iterator[str]:
    """A node of this process's own; its address."""
    import ray

    from embedworks.cli.ray_session import connect

    try:
        yield connect("local", cpus=6)
    finally:
        ray.shutdown()
