"""What a claim file may say: arms, budget, measures, seeds and a decision rule, all as data.

Only what one key alone can tell is checked here; what arms, measures and rule must agree on is in
:mod:`.checks`. Read a file with :func:`embedworks.jobs.claims.load.load_claim`, which does both.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from embedworks.jobs.corpus_options import NamedCorpus
from embedworks.jobs.schema import Slug
from embedworks.jobs.section import Pair, Section, Text

Stages = tuple[dict[str, Any], ...]


class Paper(Section):
    """What is claimed, and where."""

    source: Text = Field(description="the paper: arXiv 2410.13230")
    where: Text = Field(description="its table or section")
    sentence: Text = Field(description="what it claims, with its numbers")


class Arm(Section):
    """One way of making an embedder; each seed of it is an ordinary job."""

    role: Literal["system", "baseline"] = Field(description="what is claimed about, or compared with")
    about: Text = Field(description="what sets it apart, for the report")
    stages: Stages | None = Field(
        default=None, min_length=1, description="stages of a job; null: those of the claim"
    )
    set: dict[str, Any] = Field(
        default_factory=dict, description="changes of these stages, as --set: finetune.steps -> 10"
    )
    model: Slug = Field(description="the stage whose embedder is measured")
    reads: dict[Slug, tuple[Pair, ...]] = Field(
        default_factory=dict, description="pairs that are read from another stage's embedder than `model`"
    )


class Measure(Section):
    """One number of an arm at a seed: of a task, of a training curve, or a mean of other measures."""

    task: Text | None = Field(default=None, description="the platform's own tasks or MTEB's, by name")
    number: Text | None = Field(default=None, description="of the task; null: its main score")
    pairs: tuple[Pair, ...] | None = Field(
        default=None, min_length=1, description="the mean over these (layers, dimensions); null: full size"
    )
    stage: Slug | None = Field(default=None, description="a train stage, instead of a task")
    metric: Text | None = Field(default=None, description="one of its curves: the mean of its last points")
    minus: Text | None = Field(default=None, description="another curve of it, which is subtracted")
    last: int = Field(
        default=1, ge=1, description="steps at the end of the curve over which it is averaged"
    )
    mean_of: tuple[Slug, ...] | None = Field(
        default=None, min_length=2, description="measures above, instead of a task"
    )
    zero: Slug | None = Field(default=None, description="the arm whose value counts as 0, at each seed")
    one: Slug | None = Field(default=None, description="the arm whose value counts as 1, at each seed")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(value is not None for value in (self.task, self.stage, self.mean_of)) != 1:
            raise ValueError("a measure has one of task, stage and mean_of")
        if (self.stage is None) != (self.metric is None) or (self.minus and self.stage is None):
            raise ValueError("stage and metric belong together")
        if (self.zero is None) != (self.one is None):
            raise ValueError("zero and one belong together")
        return self


class Condition(Section):
    """What must hold of the values of two arms, paired by seed, or of one.

    ``interval`` asks it of the whole 95 % interval of the mean over seeds, ``deviation`` of the mean less
    (or plus) one standard deviation over seeds, ``mean`` of the mean alone.
    ``within`` asks it of what is nearest within one deviation of the mean: ``at_most: 0`` holds unless the
    mean is above 0 by more than that. ``parts`` asks it of the difference over the data sets of the
    measure's tasks, seeds averaged: ``above: 0`` holds if it is above 0 with p below .05 by the exact
    Wilcoxon signed-rank test, and ``at_most: 0`` unless it is.
    """

    measure: Slug = Field(description="one of the measures")
    of: Slug = Field(description="an arm")
    over: Slug | None = Field(default=None, description="the arm whose value is subtracted; null: none")
    above: float | None = Field(default=None, description="larger than this")
    at_most: float | None = Field(default=None, description="this, or smaller")
    by: Literal["mean", "deviation", "interval", "within", "parts"] = Field(
        default="mean", description="how surely"
    )
    also: Condition | None = Field(default=None, description="this must hold as well")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.above is None) == (self.at_most is None):
            raise ValueError("a condition has either above or at_most")
        if self.by == "parts" and (self.over is None or (self.above or self.at_most)):
            raise ValueError("a condition by parts is of one arm over another, above or at_most 0")
        return self

    def __str__(self) -> str:
        what = f"{self.measure}({self.of})" + (f" - {self.measure}({self.over})" if self.over else "")
        bound = f"> {self.above:g}" if self.above is not None else f"<= {self.at_most:g}"
        surely = {
            "mean": "in the mean",
            "deviation": "by a standard deviation",
            "interval": "at interval",
            "within": "within a standard deviation",
            "parts": "over data sets",
        }
        return f"{what} {bound} {surely[self.by]}" + (f" and {self.also}" if self.also else "")


class Rule(Section):
    """The verdict is `not reproduced` if any of its conditions holds, else `reproduced` if all hold."""

    premise: tuple[Condition, ...] = Field(
        default=(), description="what the paper takes for granted; told, and without a vote"
    )
    reproduced: tuple[Condition, ...] = Field(min_length=1, description="all must hold")
    not_reproduced: tuple[Condition, ...] = Field(min_length=1, description="one is enough")


class Meaning(Section):
    """What each verdict would mean; written before the experiment."""

    reproduced: Text
    not_reproduced: Text
    inconclusive: Text


class Budget(Section):
    """Samples that training sees (steps x batch) are the same for every arm, but for these."""

    exceptions: dict[Slug, Text] = Field(
        default_factory=dict, description="arm -> why its budget differs: where the budget is the question"
    )


class Profile(Section):
    """Another size of the same experiment."""

    about: Text = Field(description="what it is for; the setting that is reported")
    set: dict[str, Any] = Field(
        default_factory=dict, description="changes, in every arm that has the stage"
    )
    arms: dict[Slug, dict[str, Any]] = Field(
        default_factory=dict, description="arm -> further changes of its stages"
    )
    without: tuple[Slug, ...] = Field(default=(), description="arms that are left out")
    corpora: dict[Slug, NamedCorpus] = Field(default_factory=dict, description="in place of the claim's")
    measures: dict[Slug, Measure] = Field(default_factory=dict, description="in place of the claim's")


class Claim(Section):
    """A claim file."""

    name: Slug = Field(description="the system's slug")
    title: Text = Field(description="the question, in a line")
    paper: Paper
    hypothesis: Text = Field(description="what the arms are expected to show")
    setting: Text = Field(description="what was scaled down, and how")
    corpora: dict[Slug, NamedCorpus] = Field(default_factory=dict, description="as in a job file")
    stages: Stages | None = Field(default=None, min_length=1, description="of the arms without their own")
    arms: Annotated[dict[Slug, Arm], Field(min_length=2)]
    evaluate_on: dict[str, str] = Field(
        default_factory=dict, description="a task's corpus -> the name to use instead"
    )
    measures: Annotated[dict[Slug, Measure], Field(min_length=1)]
    budget: Budget = Budget()
    seeds: tuple[int, ...] = Field(default=(1, 2, 3), min_length=1, description="fixed beforehand")
    rule: Rule
    meaning: Meaning
    afterwards: Text | None = Field(
        default=None, description="what was found when the reason was looked for, after the run; no vote"
    )
    profiles: dict[Slug, Profile] = Field(default_factory=dict, description="other sizes, by name")

    @model_validator(mode="after")
    def _seeds_differ(self) -> Self:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed is given twice")
        return self
