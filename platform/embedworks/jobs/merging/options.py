"""What a merge stage may say of its models, of the goal of a search, and of the search itself."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from embedworks.jobs.search.options import SpaceOptions
from embedworks.jobs.section import Count, Pair, Precision, Section, Text

Settings = dict[str, Any]
GREEDY = "greedy-soup"
SETTINGS = "the method's own keys: a value, a list over depth, or blocks of `{filter, value}`"


class ModelEntry(Section):
    """A model that is merged, with settings of its own."""

    model: Text = Field(description="an earlier stage, a folder, `models:/name@alias` or a hub id")
    parameters: Settings = Field(default_factory=dict, description=f"{SETTINGS}; before those of the stage")

    @model_serializer(mode="wrap")
    def _short(self, whole: SerializerFunctionWrapHandler) -> Any:
        return whole(self) if self.parameters else self.model


def _long(value: Any) -> Any:
    return {"model": value} if isinstance(value, str) else value


Entry = Annotated[ModelEntry, BeforeValidator(_long, json_schema_input_type=Text | ModelEntry)]


class SliceSource(Section):
    """Layers of one model."""

    model: Text = Field(description="an earlier stage, a folder, `models:/name@alias` or a hub id")
    layer_range: tuple[Annotated[int, Field(ge=0)], Count] = Field(
        description="the first layer, and the one behind the last"
    )
    parameters: Settings = Field(default_factory=dict, description=SETTINGS)

    @model_validator(mode="after")
    def _goes_up(self) -> SliceSource:
        first, stop = self.layer_range
        if first >= stop:
            raise ValueError(f"layer_range is [{first}, {stop}], which holds no layer")
        return self


class Slice(Section):
    """Layers of the result, merged from as many layers of each source."""

    sources: tuple[SliceSource, ...] = Field(min_length=1, description="one a model")
    parameters: Settings = Field(default_factory=dict, description=f"{SETTINGS}; before those of the stage")

    @model_validator(mode="after")
    def _as_many_layers(self) -> Slice:
        depths = [stop - first for first, stop in (source.layer_range for source in self.sources)]
        if len(set(depths)) > 1:
            raise ValueError(f"its sources have {' and '.join(map(str, depths))} layers, not as many")
        return self


class GoalOptions(Section):
    """By which merges are compared; the larger the better."""

    tasks: tuple[Text, ...] = Field(default=(), description="the platform's own tasks or MTEB's, by name")
    metric: Text = Field(
        default="mean", description="the task that decides, or `mean` over all of them, at the largest pair"
    )
    pairs: tuple[Pair, ...] | None = Field(
        default=None, description="[layers, dimensions] to read a merge at; null: its full size"
    )
    corpora: dict[str, str] = Field(
        default_factory=dict, description="a task's corpus -> the name or folder to use instead"
    )
    precision: Precision = Field(default="fp32", description="of the evaluation's weights and activations")
    probe: bool = Field(
        default=False, description="in place of tasks: the contrastive loss on the stage's `probe`, negated"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> GoalOptions:
        if bool(self.tasks) == self.probe:
            given = "both tasks and probe are" if self.probe else "neither tasks nor probe is"
            raise ValueError(f"{given} given, not one of them")
        if self.tasks and self.metric not in (*self.tasks, "mean"):
            raise ValueError(f"metric is {self.metric!r}, which is not among the tasks")
        return self


class MergeSearch(SpaceOptions):
    """Searches the parameters of a merge method; the best merge is the stage's result."""

    per_model: bool = Field(
        default=True, description="search a value for each model of what a method takes for each"
    )
    layers: Count = Field(
        default=1, description="search so many values over depth, in between which a parameter is linear"
    )
