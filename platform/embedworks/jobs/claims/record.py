"""A claim's result as data: docs/claims/<slug>.json, which the catalogue and the page are made from."""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import platform
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from embedworks import __version__
from embedworks.jobs.claims.checks import samples_of
from embedworks.jobs.claims.load import LoadedClaim
from embedworks.jobs.claims.runner import Outcome
from embedworks.jobs.claims.schema import Claim
from embedworks.jobs.claims.values import Values
from embedworks.jobs.claims.verdict import Finding, Summary, summarise

PACKAGES = ("torch", "ray", "deepspeed", "transformers", "mteb", "numpy")


class Row(BaseModel):
    """A measure of an arm.

    Attributes:
        values: Seed -> value.
        mean: Over the seeds.
        low: Of the mean's 95 % interval; null for one seed.
        high: Of the same.
        deviation: Sample standard deviation over the seeds.
    """

    model_config = ConfigDict(frozen=True)

    values: dict[int, float]
    mean: float
    low: float | None
    high: float | None
    deviation: float


class Held(BaseModel):
    """A condition of the rule, and what came out.

    Attributes:
        text: The condition in words.
        holds: Whether it does.
        mean: Of what it bounds.
        low: Of its 95 % interval.
        high: Of the same.
        deviation: Sample standard deviation over the seeds.
        p: Of the paired t test against 0, two-sided.
        effect: Cohen's d of the paired differences.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    holds: bool
    mean: float
    low: float | None
    high: float | None
    deviation: float
    p: float | None
    effect: float | None


class Record(BaseModel):
    """What a claim found.

    Attributes:
        slug: The system's.
        title: The question.
        verdict: What the rule says; null for a part of the experiment.
        date: ISO.
        seeds: Those that were run.
        profile: The size; empty for the claim's own.
        command: What runs it again.
        samples: Arm -> samples that its training saw.
        seconds: Arm -> mean time of its stages.
        arms: Arm -> measure -> its values.
        premise: Conditions without a vote.
        reproduced: Conditions that all had to hold.
        not_reproduced: Conditions of which none had to.
        machine: What it ran on.
        versions: Package -> version.
    """

    model_config = ConfigDict(frozen=True)

    slug: str
    title: str
    verdict: str | None
    date: str
    seeds: list[int]
    profile: str
    command: str
    samples: dict[str, int]
    seconds: dict[str, float]
    arms: dict[str, dict[str, Row]]
    premise: list[Held]
    reproduced: list[Held]
    not_reproduced: list[Held]
    machine: dict[str, Any]
    versions: dict[str, str]

    def write(self, folder: Path) -> Path:
        """Write it as ``<slug>.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.slug}.json"
        file.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return file


def record(loaded: LoadedClaim, outcome: Outcome) -> Record:
    """All that is to be known of a claim that was run."""
    claim, verdict = loaded.claim, outcome.verdict
    profile = f" --profile {loaded.profile}" if loaded.profile else ""
    return Record(
        slug=claim.name,
        title=claim.title,
        verdict=verdict.word if verdict else None,
        date=datetime.date.today().isoformat(),
        seeds=list(outcome.seeds),
        profile=loaded.profile,
        command=f"embedworks claim {claim.name}{profile}",
        samples={arm: samples_of(loaded.job(arm, outcome.seeds[0]).job) for arm in outcome.values},
        seconds={arm: round(_mean(list(each.values())), 1) for arm, each in outcome.seconds.items()},
        arms=_rows(claim, outcome.values),
        premise=[_held(one) for one in verdict.premise] if verdict else [],
        reproduced=[_held(one) for one in verdict.reproduced] if verdict else [],
        not_reproduced=[_held(one) for one in verdict.not_reproduced] if verdict else [],
        machine=machine(),
        versions={"embedworks": __version__, **{p: importlib.metadata.version(p) for p in PACKAGES}},
    )


def load_record(folder: Path, slug: str) -> Record | None:
    """The record of a system's claim, if it was run and recorded."""
    try:
        return Record.model_validate_json((folder / f"{slug}.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None


def machine() -> dict[str, Any]:
    """What it runs on."""
    import psutil

    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
    }


def _rows(claim: Claim, values: Values) -> dict[str, dict[str, Row]]:
    return {
        arm: {name: _row(values[arm][name]) for name in claim.measures if name in values[arm]}
        for arm in claim.arms
        if arm in values
    }


def _row(by_seed: dict[int, float]) -> Row:
    summary = summarise([by_seed[seed] for seed in sorted(by_seed)])
    bounds = _bounds(summary)
    rounded = {seed: round(by_seed[seed], 6) for seed in sorted(by_seed)}
    return Row(
        values=rounded,
        mean=round(summary.mean, 6),
        low=bounds[0],
        high=bounds[1],
        deviation=round(summary.deviation, 6),
    )


def _held(finding: Finding) -> Held:
    summary = finding.summary
    low, high = _bounds(summary)
    return Held(
        text=str(finding.condition),
        holds=finding.holds,
        mean=round(summary.mean, 6),
        low=low,
        high=high,
        deviation=round(summary.deviation, 6),
        p=None if summary.p is None else round(summary.p, 6),
        effect=None if summary.effect is None else round(summary.effect, 3),
    )


def _bounds(summary: Summary) -> tuple[float | None, float | None]:
    if not math.isfinite(summary.low):
        return None, None
    return round(summary.low, 6), round(summary.high, 6)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
