"""What an evaluate stage can be told about comparing models, and a register stage about its gate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from embedworks.jobs.section import Section, Text


class CompareOptions(Section):
    """Compares every model with one of them, sample by sample, at the largest pair."""

    to: Text = Field(description="the model that the others are compared with: one of `models`")
    level: float = Field(default=0.95, gt=0, lt=1, description="of the bootstrap intervals")
    method: Literal["bca", "percentile"] = Field(default="bca", description="of the bootstrap intervals")
    resamples: int = Field(
        default=10_000, ge=100, description="of the bootstrap; permutations of the test are as many"
    )


class RequireOptions(Section):
    """A gate: the alias moves only to a model that is shown to be better."""

    better_than: Text | None = Field(
        default=None,
        description="what it must beat: the alias, for the model that holds it, or a model of the evaluate "
        "stage; null: the alias",
    )
    tasks: tuple[Text, ...] | None = Field(
        default=None, min_length=1, description="on which it must be better; null: all that were evaluated"
    )
    over: Literal["tasks", "mean"] = Field(
        default="tasks",
        description="`tasks`: better on every one, p after Holm's correction over them; `mean`: better in "
        "their mean, one test",
    )
    p: float = Field(
        default=0.05, gt=0, le=1, description="of the paired permutation test: it must be below"
    )
    no_task_worse_than: float | None = Field(
        default=None, ge=0, description="most that any evaluated task may lose; null: no limit"
    )
    resamples: int = Field(
        default=10_000, ge=100, description="of the bootstrap; permutations of the test are as many"
    )
    else_: Literal["register", "fail"] = Field(
        default="register",
        alias="else",
        description="where it is not met: register without the alias and go on, or also fail the job",
    )
