"""A job in a driver of its own, to be killed with its workers and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

WORKER = "ray::RayTrainWorker"


class Driver:
    """``embedworks run`` as a user starts it, on the Ray session of this process.

    Args:
        job: The job file.
        log: Where its output goes, of all starts.
    """

    def __init__(self, job: Path, log: Path) -> None:
        self._job = job
        self._log = log
        self.starts = 0
        self.start()

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        if self.runs():  # a test failed
            self.kill()

    def start(self) -> None:
        """Run the job, or go on with it."""
        import ray

        address = ray.get_runtime_context().gcs_address
        command = [sys.executable, "-m", "embedworks.cli.main", "run", str(self._job), "--address", address]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
        self.starts += 1

    def runs(self) -> bool:
        """Whether it has neither ended nor been killed."""
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Wait for its end; its exit code."""
        return self.process.wait()


def worker_processes() -> list[int]:
    """Processes of Ray Train's workers in this process's Ray session, also of those that only start."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline()[:1] and process.cmdline()[0].startswith(WORKER):
                found.append(process.pid)
        except psutil.Error:  # it ended while we looked
            continue
    return sorted(found)
