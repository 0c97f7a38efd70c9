"""Ray clusters of tests."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

# Serve's processes listen on these beside the endpoint's port, one set a machine.
PORTS = (
    "RAY_SERVE_HAPROXY_METRICS_PORT",
    "RAY_SERVE_HAPROXY_STATS_PORT",
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT",
    "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT",
)


def use_own_ports() -> None:
    """Let Serve listen where nobody else does: another one may run on this machine."""
    probes = [socket.socket() for _ in PORTS]
    for name, probe in zip(PORTS, probes, strict=True):
        probe.bind(("127.0.0.1", 0))
        os.environ.setdefault(name, str(probe.getsockname()[1]))
    for probe in probes:
        probe.close()


@contextmanager
def local_cluster() -> Iterator[str]:
    """A node of this process's own; its address."""
    import ray

    from embedworks.cli.ray_session import connect

    try:
        yield connect("local", cpus=6)
    finally:
        ray.shutdown()
