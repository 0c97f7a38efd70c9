"""What the `search:` block of a job may say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from embedworks.jobs.section import Count, Section, Text

Positive = Annotated[float, Field(gt=0)]
PositiveCount = Annotated[int, Field(ge=1)]


class Domain(Section):
    """Values that a key may take; one of these."""

    choice: tuple[Any, ...] | None = Field(default=None, min_length=1, description="any of these")
    uniform: tuple[float, float] | None = Field(
        default=None, description="numbers from the first to the last"
    )
    loguniform: tuple[Positive, Positive] | None = Field(
        default=None, description="the same, evenly in their logarithm"
    )
    integer: tuple[int, int] | None = Field(
        default=None, description="whole numbers from the first to the last, both included"
    )
    loginteger: tuple[PositiveCount, PositiveCount] | None = Field(
        default=None, description="the same, evenly in their logarithm"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Domain:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"{len(given)} of {', '.join(type(self).model_fields)} are given, not one")
        if self.choice is None and not self.bounds[0] < self.bounds[1]:
            raise ValueError(
                f"{given[0]} goes from {self.bounds[0]:g} to {self.bounds[1]:g}, which is not up"
            )
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """The ends of a range."""
        found = self.uniform or self.loguniform or self.integer or self.loginteger
        assert found is not None, "a choice has no bounds"
        return found

    @property
    def is_whole(self) -> bool:
        """Whether values are whole numbers."""
        return bool(self.integer or self.loginteger)

    @property
    def is_log(self) -> bool:
        """Whether values are drawn evenly in their logarithm."""
        return bool(self.loguniform or self.loginteger)

    def has(self, value: Any) -> bool:
        """Whether a value is one of them."""
        if self.choice is not None:
            return value in self.choice
        return (
            isinstance(value, int if self.is_whole else float) and self.bounds[0] <= value <= self.bounds[1]
        )

    def samples(self) -> Iterator[Any]:
        """Values that a check should try: every choice, or the ends of a range."""
        yield from self.bounds if self.choice is None else self.choice


def _range(value: Any) -> Any:
    return {"uniform": value} if isinstance(value, list) else value


# The short form of a range; the bounds are those of `uniform`.
AnyDomain = Annotated[Domain, BeforeValidator(_range, json_schema_input_type=Domain | tuple[float, float])]


class SpaceOptions(Section):
    """What every search is told: how many values of which space are tried, and who proposes them."""

    trials: Count = Field(description="how many values are tried; more later go on where these ended")
    space: dict[str, AnyDomain] = Field(
        min_length=1, description="key -> its values; `[low, high]` is short for `{uniform: [low, high]}`"
    )
    algorithm: Literal["random", "grid", "optuna", "cma-es"] = Field(
        default="random",
        description="draw values, go through all of them, or let Optuna's TPE or CMA-ES propose them "
        "(both in the extra `search`)",
    )
    points: int = Field(default=3, ge=2, description="values that a grid takes of a range, ends included")
    population: int | None = Field(
        default=None, ge=4, description="trials of one generation of CMA-ES; null: by the number of keys"
    )
    parallel: Count = Field(default=1, description="trials at a time")
    seed: int | None = Field(
        default=None, ge=0, description="of the values that are drawn; null: the job's"
    )


class SearchOptions(SpaceOptions):
    """Runs some stages many times with other values, and goes on with the best of them."""

    from_: Text = Field(
        alias="from",
        description="the stage whose scores decide: an evaluate stage, or a train stage with `evaluate`",
    )
    metric: Text | None = Field(
        default=None,
        description="the task of an evaluate stage that decides; null: the mean over all of them. A train "
        "stage has a metric of its own in `evaluate`",
    )
    space: dict[str, AnyDomain] = Field(
        min_length=1, description="key as for `--set`, such as `docs.optimizer.learning_rate` -> its values"
    )
    scheduler: Literal["none", "asha"] = Field(
        default="none", description="asha: stop trials whose evaluations during training fall behind"
    )
    grace: Count = Field(default=1, description="evaluations that asha leaves every trial")
    reduction: int = Field(
        default=3, ge=2, description="asha lets one of so many trials go on at each rung"
    )
