"""Makes the record of a claim that was run."""

from __future__ import annotations

import datetime
import importlib.metadata
import math
import os
import platform
from pathlib import Path
from typing import Any

from embedworks import __version__
from embedworks.evaluation.statistics.compare import Comparison
from embedworks.jobs.claims.by_part import PartRow
from embedworks.jobs.claims.checks import samples_of
from embedworks.jobs.claims.load import LoadedClaim
from embedworks.jobs.claims.records import BySample, Held, OverParts, Record, Row
from embedworks.jobs.claims.runner import Outcome
from embedworks.jobs.claims.schema import Claim
from embedworks.jobs.claims.values import Values
from embedworks.jobs.claims.verdict import Finding, Summary, summarise

PACKAGES = ("torch", "ray", "deepspeed", "transformers", "mteb", "numpy")


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
        matrix=[_over_parts(one) for one in outcome.matrix],
    )


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
        by_sample=_compared(finding.by_sample),
        by_part=_compared(finding.by_part),
        text=str(finding.condition),
        holds=finding.holds,
        mean=round(summary.mean, 6),
        low=low,
        high=high,
        deviation=round(summary.deviation, 6),
        p=None if summary.p is None else round(summary.p, 6),
        effect=None if summary.effect is None else round(summary.effect, 3),
    )


def _compared(found: Comparison | None) -> BySample | None:
    if found is None:
        return None
    low, high, p = (round(value, 6) for value in (found.low, found.high, found.p))
    return BySample(mean=round(found.difference, 6), low=low, high=high, p=p, n=found.n)


def _over_parts(row: PartRow) -> OverParts:
    found = row.found
    return OverParts(
        measure=row.measure,
        of=row.of,
        over=row.over,
        difference=round(found.difference, 6),
        low=round(found.low, 6),
        high=round(found.high, 6),
        p=round(found.p, 6),
        holm=round(row.holm, 6),
        n=found.n,
    )


def _bounds(summary: Summary) -> tuple[float | None, float | None]:
    if not math.isfinite(summary.low):
        return None, None
    return round(summary.low, 6), round(summary.high, 6)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
