"""``backend: auto``: measures once for a model, machine and set of versions, and remembers the decision."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from embedworks.embedder import Embedder
from embedworks.folder import weights_digest
from embedworks.inference.trial import SHAPES, Trial, as_row, candidates, measure, pick
from embedworks.nn.fast_linear import has_fbgemm

logger = logging.getLogger(__name__)

PACKAGES = ("torch", "transformers", "onnxruntime", "openvino", "embedworks")
CACHE = "EMBEDWORKS_BACKENDS_CACHE"

Measure = Callable[[Embedder, Sequence[tuple[str, str]], float], list[Trial]]


@dataclass(frozen=True)
class Decision:
    """What was chosen, and what that rests on.

    Attributes:
        backend: The best.
        precision: Its precision.
        rows: All candidates, as :func:`embedworks.inference.trial.as_row` gives them.
        remembered: Whether it was read from the cache.
    """

    backend: str
    precision: str
    rows: list[dict[str, Any]]
    remembered: bool


def decide(
    embedder: Embedder,
    folder: Path,
    precision: str,
    floor: float,
    *,
    with_compile: bool = False,
    again: bool = False,
    measure: Measure = measure,
) -> Decision:
    """The backend for a model on this machine's CPU, measured if nobody has measured it yet.

    One process measures at a time, and others wait for its answer.

    Args:
        embedder: The model, opened.
        folder: Its folder, whose weights are the key of the cache.
        precision: One, or ``auto`` for all that keep the floor.
        floor: The worst text's least cosine to float32.
        with_compile: Whether torch.compile takes part, which takes minutes.
        again: Measure even if there is a decision.
        measure: Times the candidates.

    Raises:
        InputError: where no candidate can be used.
    """
    tried = candidates(embedder.encoder, precision, with_compile)
    facts = circumstances(folder, precision, floor, tried)
    file = cache_folder() / f"{_digest(facts)}.json"
    with _alone(file.with_suffix(".lock")):
        if not again and (known := _read(file)):
            return known
        trials = measure(embedder, tried, floor)
        best = pick(trials)
        decision = Decision(best.backend, best.precision, [as_row(trial) for trial in trials], False)
        _write(file, decision, facts)
    logger.info("%s", table(decision))
    return decision


def circumstances(
    folder: Path, precision: str, floor: float, tried: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """What a decision depends on; another value of any of it is measured anew."""
    return {
        "weights": weights_digest(folder),
        "config": hashlib.sha256((folder / "config.json").read_bytes()).hexdigest(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cpu": cpu_name(),
        "capabilities": sorted(key for key, has in torch.cpu.get_capabilities().items() if has is True),
        "fbgemm": has_fbgemm(),
        "threads": torch.get_num_threads(),
        "precision": precision,
        "floor": floor,
        "candidates": [list(one) for one in tried],
    }


def table(decision: Decision) -> str:
    """All candidates in lines: milliseconds of each shape, cosines, the chosen one marked."""
    head = f"  {'backend':10}{'precision':11}" + "".join(f"{name:>11}" for name in SHAPES)
    lines = [f"{head}  cosine, mean and worst   (ms)"]
    for row in decision.rows:
        chosen = (row["backend"], row["precision"]) == (decision.backend, decision.precision)
        line = f"{'*' if chosen else ' '} {row['backend']:10}{row['precision']:11}"
        if row["why_not"]:
            lines.append(f"{line}  {row['why_not']}")
            continue
        times = "".join(f"{row['ms'][name]:11.2f}" for name in SHAPES)
        lines.append(f"{line}{times}  {row['cosine']['mean']:.5f} {row['cosine']['least']:.5f}")
    return "\n".join(lines)


def cache_folder() -> Path:
    """Where decisions are kept: ``$EMBEDWORKS_BACKENDS_CACHE``, or ``~/.cache/embedworks/backends``."""
    given = os.environ.get(CACHE)
    return Path(given) if given else Path.home() / ".cache" / "embedworks" / "backends"


def cpu_name() -> str:
    """The processor as the system calls it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)  # let go when the file is closed, and when the process dies
        yield


def _read(file: Path) -> Decision | None:
    try:
        values = json.loads(file.read_text())
        return Decision(values["backend"], values["precision"], values["rows"], True)
    except (OSError, ValueError, KeyError):  # nothing there, or half a file: measure
        return None


def _write(file: Path, decision: Decision, facts: dict[str, Any]) -> None:
    values = {"backend": decision.backend, "precision": decision.precision, "rows": decision.rows}
    whole = file.with_suffix(".part")
    whole.write_text(json.dumps(values | {"circumstances": facts}, indent=2))
    whole.replace(file)
