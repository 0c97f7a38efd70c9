"""The machine and the packages that made a page."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "embedworks",
    "torch",
    "transformers",
    "deepspeed",
    "ray",
    "mlflow",
    "mteb",
    "scikit-learn",
    "numpy",
)


def versions(*names: str) -> dict[str, str]:
    """Package -> its version, of those that are installed; without names, of all that matter."""
    import embedworks

    found = {"embedworks": embedworks.__version__}
    for name in names or PACKAGES:
        if name not in found:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
    return found if names else {**found, "Python": platform.python_version()}


def machine() -> str:
    """Processor, cores and system in a line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {platform.system()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names and names[0] != "unknown" else platform.machine()
