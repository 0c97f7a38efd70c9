"""Whether the endpoint's port is free, asked before anything is deployed."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from embedworks.errors import InputError


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or "" for every address
        return host == "localhost"


def check_exposure(host: str, keyed: bool) -> None:
    """Refuse to open an endpoint without keys to others.

    Raises:
        InputError: saying how to make a key.
    """
    if not keyed and not is_loopback(host):
        raise InputError(
            f"host {host!r} opens the endpoint to other machines, and it has no API keys",
            expected="`embedworks serve keys add NAME` and --keys keys.yaml, or host 127.0.0.1",
        )


def check_port(host: str, port: int, ours: tuple[str, int] | None) -> None:
    """Refuse a port that the endpoint could not listen on.

    Serve's proxies are started once a cluster and keep their port until Serve is shut down.

    Args:
        host: Address to listen on.
        port: Port to listen on.
        ours: Where Serve listens on this cluster already, if it runs.

    Raises:
        InputError: naming the port and what to do.
    """
    if ours is None:
        _try_to_bind(host, port)
    elif ours[1] != port:
        raise InputError(
            f"Serve listens on port {ours[1]} of this cluster already and cannot move to {port}",
            expected=f"port {ours[1]} (`--port {ours[1]}`), or `embedworks serve delete` first",
        )
    elif is_loopback(ours[0]) and not is_loopback(host):
        raise InputError(
            f"Serve listens on {ours[0]} of this cluster already and cannot open {host}",
            expected="`embedworks serve delete` first",
        )


def running_address() -> tuple[str, int] | None:
    """Host and port of the Serve that runs on the connected cluster, if one does."""
    from ray.serve.context import _get_global_client

    client: Any = _get_global_client(raise_if_no_controller_running=False)
    return (client.http_config.host, client.http_config.port) if client else None


def _try_to_bind(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"port {port} on {host} cannot be used: {error.strerror}",
                expected="a free port; choose one with `--port` or `port:` in the configuration",
            ) from error
