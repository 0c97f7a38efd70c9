"""Runs contenders side by side, each in a process of its own, and sums up what came out.

Ratios are taken between medians of runs that took turns, so that a machine that slows down slows everyone.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from _environments import HERE, NotMeasured, last_line, peer_python
from _watch import Watch

Result = dict[str, Any]
TIMEOUT = 600  # seconds of one run
QUIET = 0.08  # share of the machine's CPU that others may take during a run
ATTEMPTS = 2  # of a run that is disturbed


@dataclass(frozen=True)
class Contender:
    """A script in ``contenders/``.

    Attributes:
        name: As in reports.
        script: File name without its ending.
        environment: Name of the peer's requirements; None: this interpreter's.
    """

    name: str
    script: str
    environment: str | None = None

    def run(self, *arguments: object, memory: bool = False) -> Result:
        """Start it and return the line that it prints, ``others_cpu`` and, with ``memory``, ``peak_mb``.

        A run during which other processes took more than ``QUIET`` of the machine is repeated, and the
        least disturbed one counts.

        Raises:
            NotMeasured: for a peer that cannot be installed or fails.
            RuntimeError: if one of ours fails.
        """
        python = peer_python(self.environment) if self.environment else Path(sys.executable)
        command = [str(python), str(HERE / "contenders" / f"{self.script}.py"), *map(str, arguments)]
        results: list[Result] = []
        try:
            while not results or (results[-1]["others_cpu"] > QUIET and len(results) < ATTEMPTS):
                results.append(_run(command, self._variables(), memory))
        except RuntimeError as error:
            raise (NotMeasured(str(error)) if self.environment else error) from error
        return min(results, key=lambda result: float(result["others_cpu"]))

    def _variables(self) -> dict[str, str]:
        variables = {**os.environ, "EMBEDWORKS_BENCH_STARTED": str(time.time())}
        if self.environment:  # our own packages have no place in a peer's environment
            variables.pop("PYTHONPATH", None)
        return variables


@dataclass
class Runs:
    """All runs of one contender under one measure.

    Attributes:
        contender: Its name.
        measure: What was measured.
        unit: Of the values.
        values: One for each run.
        why: Why there are none.
        extra: What else is to be told.
    """

    contender: str
    measure: str
    unit: str
    values: list[float] = field(default_factory=list)
    why: str = ""
    extra: Result = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    def line(self) -> Result:
        """For the report: median, spread, or why it was not measured."""
        head = {"contender": self.contender, "measure": self.measure, "unit": self.unit}
        if not self.values:
            return head | {"value": None, "not_measured": self.why}
        spread = (max(self.values) - min(self.values)) / self.median
        return head | {"value": self.median, "spread": spread, "runs": self.values, **self.extra}


def take_turns(
    contenders: Sequence[Contender],
    measure: str,
    unit: str,
    value: Callable[[Contender], tuple[float, Result]],
    repeats: int,
    alternate: bool = False,
) -> dict[str, Runs]:
    """Measure every contender ``repeats`` times, one after the other in each round.

    Args:
        contenders: Who takes part.
        measure: What is measured.
        unit: Of the value.
        value: One run: the value and what else is to be told.
        repeats: Rounds.
        alternate: Every other round goes backwards, so that a machine that slows down shows.

    Raises:
        RuntimeError: if one of ours fails. A peer that does is left out with its reason.
    """
    runs = {c.name: Runs(c.name, measure, unit) for c in contenders}
    for number in range(repeats):
        for contender in reversed(contenders) if alternate and number % 2 else contenders:
            mine = runs[contender.name]
            if mine.why:
                continue
            try:
                result, mine.extra = value(contender)
            except NotMeasured as error:
                mine.why, mine.values = str(error), []
                tell(f"{measure}: {contender.name} not measured: {error}")
                continue
            mine.values.append(result)
            tell(f"{measure}, round {number + 1}: {contender.name} {result:,.4g} {unit}")
    return runs


def tell(message: str) -> None:
    """Progress, beside what is printed for machines."""
    print(message, file=sys.stderr, flush=True)


def _run(command: list[str], variables: dict[str, str], memory: bool) -> Result:
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, env=variables, stdout=out, stderr=errors, text=True)
        with Watch(process.pid, memory) as watch:
            try:
                code = process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise RuntimeError(f"no result within {TIMEOUT} s") from None
        out.seek(0)
        errors.seek(0)
        if code:
            raise RuntimeError(f"{Path(command[1]).name} failed: {last_line(errors.read())}")
        result: Result = json.loads(last_line(out.read()))
    result["others_cpu"] = watch.others_cpu
    return result | ({"peak_mb": watch.peak_bytes / 2**20} if memory else {})


def machine() -> Result:
    """What the numbers were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def report(
    name: str, runs: Sequence[Runs], ratios: dict[str, float], targets: dict[str, float], versions: Result
) -> Result:
    """What a benchmark prints; a ratio is ours against theirs, and bigger is better."""
    return {
        "name": name,
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": versions,
        "measurements": [run.line() for run in runs],
        "ratios": {key: round(value, 4) for key, value in ratios.items()},
        "targets": targets,
    }


def run_parts(name: str, bench: Any, parts: Sequence[str], targets: Mapping[str, float]) -> Result:
    """The report of a benchmark whose parts are methods, each of which gives runs and ratios."""
    runs: list[Runs] = []
    ratios: dict[str, float] = {}
    for part in parts:
        found, more = getattr(bench, part)()
        runs, ratios = [*runs, *found], ratios | more
    return report(
        name, runs, ratios, {key: targets[key] for key in targets if key in ratios}, bench.versions
    )


def show(found: Result, as_json: bool) -> None:
    """Print a report, as JSON or for people."""
    if as_json:
        print(json.dumps(found, indent=2))
        return
    facts = found["machine"]
    print(f"{found['name']}, {found['date']}, {facts['cores']} cores of {facts['cpu']}")
    for line in found["measurements"]:
        print(f"  {line['measure']:24} {line['contender']:24} {_value(line)}")
    for name, ratio in found["ratios"].items():
        target = found["targets"].get(name)
        verdict = "" if target is None else f"target {target:g}: {'met' if ratio >= target else 'missed'}"
        print(f"  {name:49} {ratio:8.3f}  {verdict}")


def _value(line: Result) -> str:
    if line["value"] is None:
        return f"not measured: {line['not_measured']}"
    spread = f"(spread {line['spread']:.0%} of {len(line['runs'])})"
    return f"{line['value']:14,.4g} {line['unit']} {spread}"
