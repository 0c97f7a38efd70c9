"""Ray clusters of tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def local_cluster() -> Iterator[str]:
    """A node of this process's own; its address."""
    import ray

    from embedworks.cli.ray_session import connect

    try:
        yield connect("local", cpus=6)
    finally:
        ray.shutdown()


@contextmanager
def further_node(environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Another node of three CPUs, in processes of its own, lost at the end if it was not before."""
    import ray

    address = ray.get_runtime_context().gcs_address
    command = [str(Path(sys.executable).parent / "ray"), "start", "--block", f"--address={address}"]
    command += ["--num-cpus=3", "--object-store-memory=100000000"]
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        lose(process)


def lose(process: subprocess.Popen[bytes]) -> None:
    """Kill a node with all that runs on it."""
    if process.poll() is None:
        for child in (*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)):
            child.kill()
    process.wait()
