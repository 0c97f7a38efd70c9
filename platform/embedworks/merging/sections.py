"""The layers of a result: which layers of which models each comes from, and what a base is to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedworks.errors import InputError
from embedworks.merging.method import Inputs
from embedworks.merging.models import Model
from embedworks.merging.parameters import Settings
from embedworks.merging.recipe import ModelEntry, Recipe, Slice


@dataclass(frozen=True)
class Source:
    """Layers of one model.

    Attributes:
        model: The model.
        first: Its first layer.
        settings: Beside it in the recipe.
    """

    model: Model
    first: int
    settings: Settings


@dataclass(frozen=True)
class Section:
    """Layers of the result that are merged alike.

    Attributes:
        models: What is merged, in order; a base that is one of two ends is the first.
        base: The origin of task vectors; None where the method has none.
        layers: How many.
        scopes: Settings for all models, those that count first in front.
    """

    models: tuple[Source, ...]
    base: Source | None
    layers: int
    scopes: tuple[Settings, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that is read: the base, where there is one, and the models."""
        return (self.base, *self.models) if self.base else self.models


def sections_of(recipe: Recipe, models: Mapping[str, Model], inputs: Inputs) -> list[Section]:
    """The sections of a recipe, from the first layer to the last.

    Raises:
        InputError: for a wrong number of models, layers that a model does not have, or slices of sources
            that differ in length.
    """
    module = recipe.module()
    scopes = (module.parameters, recipe.parameters)
    if module.models is not None:
        return [_whole(recipe, module.models, models, inputs, scopes)]
    return [
        _section(part, place, recipe, models, inputs, scopes)
        for place, part in enumerate(module.slices or ())
    ]


def _whole(
    recipe: Recipe,
    entries: Sequence[ModelEntry],
    models: Mapping[str, Model],
    inputs: Inputs,
    scopes: tuple[Settings, ...],
) -> Section:
    sources = [Source(models[entry.model], 0, entry.parameters) for entry in entries]
    base = recipe.base_model
    if base and base not in {entry.model for entry in entries}:
        sources.append(Source(models[base], 0, {}))
    depths = {source.model.naming.depth for source in sources}
    if len(depths) > 1:
        raise InputError(
            f"the models have {' and '.join(map(str, sorted(depths)))} layers",
            expected="as many in each, or `slices` that say which",
        )
    return _with_roles(recipe, sources, base, inputs, depths.pop(), scopes)


def _section(
    part: Slice,
    place: int,
    recipe: Recipe,
    models: Mapping[str, Model],
    inputs: Inputs,
    scopes: tuple[Settings, ...],
) -> Section:
    where = f"slices[{place}]"
    lengths = {source.layer_range[1] - source.layer_range[0] for source in part.sources}
    if len(lengths) > 1 or min(lengths) < 1:
        raise InputError(
            f"{where} takes {sorted(lengths)} layers", expected="as many of each source, one or more"
        )
    for source in part.sources:
        depth = models[source.model].naming.depth
        if source.layer_range[1] > depth:
            raise InputError(
                f"{where} takes layers {list(source.layer_range)} of {source.model}",
                expected=f"0 to {depth}",
            )
    base = part.base_model or recipe.base_model
    if base and base not in {source.model for source in part.sources}:
        raise InputError(f"{where} has no layers of the base {base}", expected="the base among its sources")
    sources = [Source(models[s.model], s.layer_range[0], s.parameters) for s in part.sources]
    return _with_roles(recipe, sources, base, inputs, lengths.pop(), (part.parameters, *scopes))


def _with_roles(
    recipe: Recipe,
    sources: list[Source],
    base: str | None,
    inputs: Inputs,
    layers: int,
    scopes: tuple[Settings, ...],
) -> Section:
    others = [source for source in sources if source.model.name != base]
    origin = next((source for source in sources if source.model.name == base), None)
    inputs.check(recipe.merge_method, len(others), origin is not None)
    if inputs.base == "member":
        return Section(tuple(sources), None, layers, scopes)
    if inputs.base == "end":
        return Section((*([origin] if origin else []), *others), None, layers, scopes)
    return Section(tuple(others), origin, layers, scopes)
