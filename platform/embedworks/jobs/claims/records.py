"""A claim's result as data: docs/claims/<slug>.json, which the catalogue and the page are made from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


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


class BySample(BaseModel):
    """A difference of two arms over the samples of a task, or over data sets; seeds averaged.

    Attributes:
        mean: The difference.
        low: Of its 95 % interval by the paired bootstrap.
        high: Of the same.
        p: Of the paired permutation test, or of Wilcoxon's over data sets; two-sided.
        n: Samples, or data sets.
    """

    model_config = ConfigDict(frozen=True)

    mean: float
    low: float
    high: float
    p: float
    n: int


class OverParts(BaseModel):
    """Two arms over the data sets of a measure, seeds averaged.

    Attributes:
        measure: Its name.
        of: An arm.
        over: The arm that is subtracted.
        difference: Mean over the data sets.
        low: Of its 95 % interval by the bootstrap.
        high: Of the same.
        p: Of the exact Wilcoxon signed-rank test, two-sided.
        holm: The same after Holm's correction over all rows.
        n: Data sets.
    """

    model_config = ConfigDict(frozen=True)

    measure: str
    of: str
    over: str
    difference: float
    low: float
    high: float
    p: float
    holm: float
    n: int


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
        by_sample: The same difference over the task's samples; null where they were not kept.
        by_part: The same over the measure's data sets, where the condition asks for it.
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
    by_sample: BySample | None = None
    by_part: BySample | None = None


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
        matrix: Arms against each other over data sets, where the rule asks for such.
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
    matrix: list[OverParts] = []

    def measures(self) -> tuple[list[str], list[str]]:
        """Names of measures: those that make a table of the arms, and those of under a quarter of them."""
        arms = Counter(name for rows in self.arms.values() for name in rows)
        few = [name for name, count in arms.items() if count * 4 < len(self.arms)]
        return [name for name in arms if name not in few], few

    def write(self, folder: Path) -> Path:
        """Write it as ``<slug>.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.slug}.json"
        file.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return file


def load_record(folder: Path, slug: str) -> Record | None:
    """The record of a system's claim, if it was run and recorded."""
    try:
        return Record.model_validate_json((folder / f"{slug}.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None
