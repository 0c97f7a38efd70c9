"""What a train stage can be told about looking at its embedder on the way."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from embedworks.jobs.probe_options import HeldOutOptions
from embedworks.jobs.section import Count, Pair, Precision, Section, Text


class EvaluationResources(Section):
    """What an evaluation during training is given, beside the workers."""

    cpus: float = Field(default=1, gt=0)
    gpus: float = Field(default=0, ge=0)


class DuringOptions(Section):
    """Evaluates a stage's embedder while it trains on, keeps the best, and may stop early."""

    every: Count = Field(description="steps between two evaluations; the last step is always evaluated")
    tasks: tuple[Text, ...] = Field(default=(), description="the platform's own tasks or MTEB's, by name")
    held_out: HeldOutOptions | None = Field(
        default=None, description="in place of tasks: the contrastive loss on pairs, negated"
    )
    pairs: tuple[Pair, ...] | None = Field(
        default=None, description="[layers, dimensions] to read the embedder at; null: its full size"
    )
    corpora: dict[str, str] = Field(
        default_factory=dict, description="a task's corpus -> the name or folder to use instead"
    )
    precision: Precision = Field(default="fp32", description="of the evaluation's weights and activations")
    metric: Text = Field(
        default="mean", description="the task that decides, or `mean` over all of them, at the largest pair"
    )
    patience: int | None = Field(
        default=None, ge=1, description="evaluations without a better one after which training stops"
    )
    minimum_steps: int = Field(default=0, ge=0, description="steps before which patience does not stop it")
    keep: Literal["best", "last"] = Field(
        default="best", description="which evaluated embedder becomes the stage's"
    )
    resources: EvaluationResources = EvaluationResources()

    @model_validator(mode="after")
    def _one_of_them(self) -> DuringOptions:
        if bool(self.tasks) == bool(self.held_out):
            given = "both tasks and held_out are" if self.tasks else "neither tasks nor held_out is"
            raise ValueError(f"{given} given, not one of them")
        return self
