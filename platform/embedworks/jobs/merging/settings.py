"""Checks a merge stage's method and settings, and makes them a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from embedworks.catalog import find_objective, systems
from embedworks.errors import InputError, KeyPath
from embedworks.jobs.load import LoadedJob
from embedworks.jobs.merging.checks import is_greedy
from embedworks.jobs.merging.options import GREEDY
from embedworks.jobs.merging.space import axes_of, check_space
from embedworks.jobs.schema import MergeStage
from embedworks.jobs.validate import validate_block
from embedworks.merging.method import is_per_model, method_names
from embedworks.merging.parameters import Settings
from embedworks.merging.planning import check_recipe
from embedworks.merging.recipe import Recipe


def is_formula(method: str) -> bool:
    """Whether a method merges by a formula, and not by training."""
    return method.replace("-", "_") in method_names()


def check_method(loaded: LoadedJob, stage: MergeStage) -> None:
    """Check the method's name, its models and its settings.

    Raises:
        InputError: naming the nearest method, or the line of the wrong setting.
    """
    if is_greedy(stage.method):
        _check_unused(loaded, stage, ("parameters", "dtype", "tokenizer", "evaluate"))
        _check_no_settings(loaded, stage)
    elif is_formula(stage.method):
        _check_formula(loaded, stage)
    elif stage.method in systems():
        _check_system(loaded, stage)
    else:
        known = [*method_names(), GREEDY, *systems()]
        raise InputError(
            f"unknown merge method {stage.method!r}",
            where=loaded.source.locate(loaded.path(stage.name, "method")),
            expected="a method or a system that searches",
            name=stage.method,
            known=known,
        )


def recipe_of(stage: MergeStage) -> Recipe:
    """The stage as a recipe, whose models keep the names that the stage gives them."""
    block = stage.model_dump(mode="json", include={"slices", "parameters"}, exclude_none=True)
    if stage.models:
        block["models"] = [{"model": entry.model, "parameters": entry.parameters} for entry in stage.models]
    return Recipe(
        merge_method=stage.method.replace("-", "_"),
        base_model=stage.base,
        out_dtype=stage.dtype,
        tokenizer_source=stage.tokenizer,
        **block,
    )


def _check_formula(loaded: LoadedJob, stage: MergeStage) -> None:
    _check_unused(loaded, stage, ("evaluate",))
    module = check_recipe(recipe_of(stage), lambda key: loaded.source.locate(loaded.path(stage.name, *key)))
    with loaded.source.blame(loaded.path(stage.name, "models" if stage.models else "slices")):
        for models in [len(stage.models)] if stage.models else [len(p.sources) for p in stage.slices or ()]:
            module.INPUTS.check(stage.method, models, stage.base is not None)
    if getattr(module, "STATISTICS", None) and not stage.probe:
        raise InputError(
            f"{stage.method} measures on a corpus, and the stage names none",
            where=loaded.source.locate(loaded.path(stage.name, "method")),
            expected="the key `probe`",
        )
    searched: Mapping[str, Any] = {}
    if stage.search and stage.models:
        check_space(loaded, stage, module)
        searched = {axis.field: None for axis in axes_of(stage.search, module, len(stage.models))}
    _check_required(loaded, stage, module, searched)


def _check_required(
    loaded: LoadedJob, stage: MergeStage, module: ModuleType, searched: Mapping[str, Any]
) -> None:
    """A value that the method needs must stand beside each model or for all of them."""
    for key, info in module.Parameters.model_fields.items():
        field = info.alias or key
        if not info.is_required() or field in stage.parameters or field in searched:
            continue
        per_model = is_per_model(module.Parameters, key)
        for path, scopes in _lookups(stage):
            if not any(field in scope for scope in scopes[0 if per_model else 1 :]):
                raise InputError(
                    f"{stage.method} needs {field}",
                    where=loaded.source.locate(loaded.path(stage.name, *path)),
                    expected=f"{field} in `parameters`" + (", or beside each model" if per_model else ""),
                )


def _lookups(stage: MergeStage) -> Iterator[tuple[KeyPath, list[Settings]]]:
    """Each model's place and the blocks that its settings are looked up in, below the stage's own."""
    for index, entry in enumerate(stage.models or ()):
        yield ("models", index), [entry.parameters]
    for index, part in enumerate(stage.slices or ()):
        for place, source in enumerate(part.sources):
            yield ("slices", index, "sources", place), [source.parameters, part.parameters]


def _check_system(loaded: LoadedJob, stage: MergeStage) -> None:
    path = loaded.path(stage.name, "parameters")
    validate_block(find_objective(stage.method).Config, stage.parameters, loaded.source, path)
    _check_unused(loaded, stage, ("slices", "dtype", "tokenizer", "search"))
    _check_no_settings(loaded, stage)
    if not (stage.base and stage.probe):
        raise InputError(
            f"{stage.method} searches: it needs `base:` and `probe:`",
            where=loaded.source.locate(loaded.path(stage.name, "method")),
        )


def _check_unused(loaded: LoadedJob, stage: MergeStage, keys: tuple[str, ...]) -> None:
    """Refuse keys that the method has no use for."""
    for key in keys:
        if getattr(stage, key):
            _refuse_unused(loaded, stage, (key,), key)


def _check_no_settings(loaded: LoadedJob, stage: MergeStage) -> None:
    for index, entry in enumerate(stage.models or ()):
        if entry.parameters:
            _refuse_unused(loaded, stage, ("models", index), "settings beside a model")


def _refuse_unused(loaded: LoadedJob, stage: MergeStage, path: KeyPath, what: str) -> None:
    raise InputError(
        f"{stage.method} has no use for {what}",
        where=loaded.source.locate(loaded.path(stage.name, *path)),
        expected="none",
    )
