"""Runs a command: how long it took, and the most memory that it held.

    python command.py OUT PROGRAM [ARGUMENT]...

PROGRAM stands beside this interpreter; OUT is the folder that it writes, and is removed before.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SAMPLE_SECONDS = 0.01
PACKAGES = ("torch", "transformers", "mergekit", "sentence-transformers")


class Anonymous:
    """The most memory of a process that no file stands behind: mapped weights do not count."""

    def __init__(self, pid: int) -> None:
        self.status = Path(f"/proc/{pid}/status")
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The peak in bytes."""
        self._stop.set()
        self._thread.join()
        return self.peak

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            try:
                lines = self.status.read_text().splitlines()
            except OSError:
                return
            self.peak = max(
                self.peak, *(int(x.split()[1]) << 10 for x in lines if x.startswith("RssAnon")), 0
            )


def main(out: Path, program: str, *arguments: str) -> None:
    """Run it and print."""
    shutil.rmtree(out, ignore_errors=True)
    command = [str(Path(sys.executable).parent / program), *arguments]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=sys.stderr)
    anonymous = Anonymous(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if code := os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{program} ended with exit code {code}")
    result = {
        "seconds": seconds,
        "peak_mb": usage.ru_maxrss / 1024,
        "anonymous_mb": anonymous.stop() / 2**20,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "written": sum(file.stat().st_size for file in out.glob("*.safetensors")),
        "versions": installed(),
    }
    print(json.dumps(result))


def installed() -> dict[str, str]:
    """Versions of what may have taken part."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
