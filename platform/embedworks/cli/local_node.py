"""A Ray head node on this machine that outlives the command that started it, and is stopped by name.

``ray stop`` ends every Ray process of the machine, whoever started it. A node of ours runs under one
blocking ``ray start``; ending that process ends the node alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from embedworks.errors import InputError
from embedworks.serving.ingress import avoid_taken_ports

START_SECONDS = 60
STOP_SECONDS = 30
SERVE_SECONDS = 4  # what replicas have for the answers they are at
# Actors that stay through SIGTERM, for which a node that ends would wait in vain.
SERVE_ACTORS = ("ray::ServeController", "ray::ProxyActor", "ray::HAProxyManager", "ray::LedgerActor")


@dataclass(frozen=True)
class LocalNode:
    """A node that :func:`start` started.

    Attributes:
        pid: The blocking ``ray start``.
        created: When that process started, as the system counts it: process ids are used again.
        address: Of the head node, ``host:port``.
        dashboard: URL of the dashboard and the jobs API.
    """

    pid: int
    created: float
    address: str
    dashboard: str

    def process(self) -> psutil.Process | None:
        """The process, if it still runs."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            return process if process.create_time() == self.created else None
        return None


def start(port: int, dashboard_port: int, cpus: int) -> LocalNode:
    """Start a head node and wait until it answers.

    Raises:
        InputError: if a port is taken, or Ray does not start.
    """
    for wanted in (port, dashboard_port):
        if _answers(wanted):
            raise InputError(f"port {wanted} is in use", expected="a free port: --port, --dashboard-port")
    ray = Path(sys.executable).with_name("ray")
    command = [ray, "start", "--head", "--block", f"--port={port}", f"--num-cpus={cpus}"]
    command += ["--disable-usage-stats", f"--dashboard-port={dashboard_port}"]
    # A submitted job is started by Ray with the node's PATH, and has to find `embedworks` on it.
    environment = {**os.environ, "PATH": f"{ray.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    avoid_taken_ports(environment)
    log = _record(port).with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C in this terminal is not meant for it
        )
    _wait_until_up(process, (port, dashboard_port), log)
    created = psutil.Process(process.pid).create_time()
    node = LocalNode(process.pid, created, f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard_port}")
    _record(port).write_text(json.dumps(asdict(node)))
    return node


def stop(port: int) -> None:
    """Stop the node that was started on that port.

    Raises:
        InputError: if there is none.
    """
    record = _record(port)
    node = LocalNode(**json.loads(record.read_text())) if record.is_file() else None
    record.unlink(missing_ok=True)
    process = node.process() if node else None
    if process is None:
        raise InputError(
            f"no node of `embedworks cluster up` runs on port {port}",
            expected="its --port; `ray stop` ends every Ray process of this machine",
        )
    family = [process, *process.children(recursive=True)]
    process.send_signal(signal.SIGTERM)
    _, left = psutil.wait_procs(family, timeout=SERVE_SECONDS)
    kill(each for each in left if title(each).startswith(SERVE_ACTORS))
    _, left = psutil.wait_procs(left, timeout=STOP_SECONDS)
    kill(left)


def title(process: psutil.Process) -> str:
    """What a process calls itself; empty if it is gone."""
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill those that are still there."""
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


def _wait_until_up(process: subprocess.Popen[bytes], ports: tuple[int, ...], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not all(_answers(port) for port in ports):
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            last = lines[-1].strip() if lines else "no message"
            raise InputError(f"Ray did not start: {last}", where=str(log), expected="a node that starts")
        time.sleep(0.2)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _record(port: int) -> Path:
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "embedworks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"cluster-{port}.json"
