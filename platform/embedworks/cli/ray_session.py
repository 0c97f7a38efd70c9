"""Joins a Ray cluster, or starts one on this machine."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from embedworks.errors import InputError, first_line
from embedworks.serving.ingress import avoid_taken_ports, choose_ingress

LOCAL_CPUS = 6  # logical: two workers, their stream and a replica must fit at once on two cores


def local_cpus() -> int:
    """Logical CPUs of a node that we start: Ray counts slots, and most of ours wait for others."""
    return max(LOCAL_CPUS, os.cpu_count() or 1)


def prepare_environment() -> None:
    """Settings that Ray reads when it is imported; what the user has set stays."""
    os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("RAY_DEDUP_LOGS", "1")
    choose_ingress()
    if has_token() and "ray" not in sys.modules:  # later, Ray's parts would disagree about the mode
        # A cluster that is started where a token is asks for it; Ray's clients send it only when told.
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def has_token() -> bool:
    """Whether there is an authentication token where Ray looks for one."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        return True
    default = Path.home() / ".ray" / "auth_token"
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or default).is_file()


def connect(address: str | None = None, cpus: int | None = None) -> str:
    """Join the cluster at ``address``, else the one running here, else start one.

    Args:
        address: ``host:port`` of a head node, ``local`` for a new node, or None.
        cpus: Logical CPUs of a node that has to be started.

    Returns:
        Where the session runs, for a message.

    Raises:
        InputError: if nothing answers at ``address``.
    """
    prepare_environment()
    import ray

    quiet()
    if ray.is_initialized():
        return "this process's Ray session"
    address = address or os.environ.get("RAY_ADDRESS")
    if address and address not in ("auto", "local"):
        require_listener(address)
        _join(address)
        return address
    if address != "local" and not _last_start_is_gone():
        with contextlib.suppress(ConnectionError):
            ray.init(address="auto", **_OPTIONS)
            return "the local Ray cluster"
    avoid_taken_ports()
    ray.init(address="local", num_cpus=cpus or local_cpus(), include_dashboard=False, **_OPTIONS)
    return "a local Ray node of its own"


def _last_start_is_gone() -> bool:
    """Whether Ray remembers a start here whose cluster answers no more.

    A node that was killed leaves its address behind, and Ray would try it for minutes.
    """
    from ray._private.utils import read_ray_address

    if not (address := read_ray_address()):
        return False
    try:
        require_listener(address)
    except InputError:
        return True
    return False


_OPTIONS: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
if plugins := os.environ.get("EMBEDWORKS_PATH"):  # tasks must find the same systems as the driver
    _OPTIONS["runtime_env"] = {"env_vars": {"EMBEDWORKS_PATH": plugins}}


def quiet() -> None:
    """Keep Ray Data's per-operator bars and banners out of our own progress."""
    import logging

    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for name in ("ray.data", "ray.train", "ray.serve"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _join(address: str) -> None:
    import ray

    try:
        ray.init(address=address, **_OPTIONS)
    except Exception as error:  # a wrong token, another version, something else on that port
        raise InputError(
            f"cannot join the Ray cluster at {address}: {first_line(error)}",
            expected="a running head node of the same Ray version (and RAY_AUTH_TOKEN, if it asks for one)",
        ) from error


def require_listener(address: str, default_port: int = 6379) -> None:
    """Fail at once, not after Ray's own minute, where nothing listens.

    Raises:
        InputError: if no connection to the address can be made.
    """
    parts = urlsplit(address if "//" in address else f"//{address}")
    try:
        with socket.create_connection((parts.hostname or "", parts.port or default_port), timeout=3):
            return
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Ray cluster at {address}",
            expected="the address of a running head node, as `ray start --head` prints it",
        ) from error
