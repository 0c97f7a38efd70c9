"""Processes of Ray Serve on this machine, to be killed with requests in hand."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import psutil

REPLICA = "ServeReplica:embedworks:"
PROXIES = ("ProxyActor", "HAProxyManager", "haproxy")
LOOK_S = 0.1


def processes(*words: str, under: int | None = None) -> list[psutil.Process]:
    """Processes below one (this one) in whose command line one of the words is."""
    found = []
    for process in psutil.Process(under or os.getpid()).children(recursive=True):
        try:
            line = " ".join(process.cmdline()[:2]) or process.name()
        except psutil.Error:  # it ended while we looked
            continue
        if any(word in line for word in words):
            found.append(process)
    return found


def replicas(deployment: str) -> list[psutil.Process]:
    """The processes of a deployment's replicas; a deployment by the first part of its name."""
    return processes(REPLICA + deployment)


def kill(victims: list[psutil.Process]) -> list[int]:
    """SIGKILL, and wait until they are gone."""
    pids = [victim.pid for victim in victims]
    for victim in victims:
        os.kill(victim.pid, signal.SIGKILL)
    psutil.wait_procs(victims, timeout=10)
    return pids


def wait_for(done: Callable[[], bool], what: str, timeout_s: float = 120.0) -> None:
    """Wait for something to come about; a bound for hangs, nothing is measured."""
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        time.sleep(LOOK_S)
