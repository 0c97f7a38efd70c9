"""The space of a search of merges: a method's parameters, for each model and place in depth a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import ModuleType
from typing import Any

from embedworks.errors import InputError
from embedworks.jobs.load import LoadedJob
from embedworks.jobs.merging.options import MergeSearch
from embedworks.jobs.schema import MergeStage
from embedworks.jobs.search.algorithm import check_algorithm
from embedworks.jobs.search.options import Domain
from embedworks.merging.method import is_per_model
from embedworks.merging.parameters import check_settings
from embedworks.merging.recipe import Recipe


@dataclass(frozen=True)
class Axis:
    """One number that is searched.

    Attributes:
        field: The parameter that it belongs to.
        model: Which model's, by position; None: for all of them.
        layer: Which of the values over depth; None: one for the whole depth.
        domain: Its values.
    """

    field: str
    model: int | None
    layer: int | None
    domain: Domain

    @property
    def key(self) -> str:
        """Its name: ``weight``, ``weight/0`` of the first model, ``weight/0/2`` third in depth."""
        return "/".join(str(part) for part in (self.field, self.model, self.layer) if part is not None)


def axes_of(search: MergeSearch, method: ModuleType, models: int) -> list[Axis]:
    """The numbers that a search tries, in a fixed order.

    Raises:
        InputError: for a parameter that the method does not have.
    """
    found = (_axes(search, method, models, field, domain) for field, domain in search.space.items())
    return list(chain.from_iterable(found))


def _axes(
    search: MergeSearch, method: ModuleType, models: int, field: str, domain: Domain
) -> Iterator[Axis]:
    keys = {info.alias or key: key for key, info in method.Parameters.model_fields.items()}
    if field not in keys:
        raise InputError(
            f"search.space has {field!r}, which is no parameter of the method",
            expected=f"one of {', '.join(keys)}" if keys else "another method: this one has no parameters",
            name=field,
            known=keys,
        )
    each = search.per_model and is_per_model(method.Parameters, keys[field])
    # Between two choices, or two whole numbers, there is nothing to interpolate.
    deep = search.layers > 1 and domain.choice is None and not domain.is_whole
    for model in range(models) if each else [None]:
        for layer in range(search.layers) if deep else [None]:
            yield Axis(field, model, layer, domain)


def check_space(loaded: LoadedJob, stage: MergeStage, method: ModuleType) -> None:
    """Refuse parameters that the method lacks, and values that it does not take.

    Raises:
        InputError: with the line.
    """
    assert stage.search is not None
    for field, domain in stage.search.space.items():
        where = loaded.source.locate(loaded.path(stage.name, "search", "space", field))
        for value in domain.samples():
            check_settings(method.Parameters, {field: value}, lambda _, where=where: where)  # type: ignore[misc]
    axes = axes_of(stage.search, method, len(stage.models or ()))
    check_algorithm(flat(stage.search, axes), loaded.source.locate(loaded.path(stage.name, "search")))


def flat(search: MergeSearch, axes: list[Axis]) -> MergeSearch:
    """The search with one key for every number."""
    return search.model_copy(update={"space": {axis.key: axis.domain for axis in axes}})


def with_values(recipe: Recipe, axes: list[Axis], values: Mapping[str, Any]) -> Recipe:
    """The recipe of one trial: searched parameters replace what the stage says of them.

    Args:
        recipe: The stage's, of whole models.
        axes: The space.
        values: Of every axis by its key.
    """
    assert recipe.models is not None, "slices are not searched"
    searched = {axis.field for axis in axes}
    common = {key: value for key, value in recipe.parameters.items() if key not in searched}
    entries = [
        {key: value for key, value in entry.parameters.items() if key not in searched}
        for entry in recipe.models
    ]
    for axis in axes:
        block = common if axis.model is None else entries[axis.model]
        value = values[axis.key]
        if axis.layer is None:
            block[axis.field] = value
        else:
            block.setdefault(axis.field, []).append(value)
    models = [
        entry.model_copy(update={"parameters": parameters})
        for entry, parameters in zip(recipe.models, entries, strict=True)
    ]
    return recipe.model_copy(update={"parameters": common, "models": tuple(models)})
