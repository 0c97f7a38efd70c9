"""From a recipe and the models it names to a plan, before any weight is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from embedworks.errors import InputError, KeyPath, dotted
from embedworks.merging.matching import Matched, Matching
from embedworks.merging.method import MethodParameters, find_method
from embedworks.merging.models import WEIGHTS, Model
from embedworks.merging.names import EMBEDDING, OUTPUT_MATRIX, SPARE
from embedworks.merging.parameters import Settings, check_settings, resolve
from embedworks.merging.plan import OutputTensor, Plan
from embedworks.merging.recipe import Recipe
from embedworks.merging.sections import Section, Source, sections_of
from embedworks.merging.tensors import stored_tensors


def check_recipe(recipe: Recipe, where: Callable[[KeyPath], str] = dotted) -> ModuleType:
    """Check the method's name and every setting, with nothing but the recipe.

    Args:
        where: The place of a key, for messages.

    Returns:
        The method.

    Raises:
        InputError: naming the key and what was expected.
    """
    method = find_method(recipe.merge_method)
    for path, settings in settings_of(recipe):
        check_settings(method.Parameters, settings, partial(_place, where, path))
    return method


def _place(where: Callable[[KeyPath], str], path: KeyPath, key: KeyPath) -> str:
    return where((*path, *key))


def settings_of(recipe: Recipe) -> Iterator[tuple[KeyPath, Settings]]:
    """Every ``parameters`` block of a recipe, with its place."""
    yield ("parameters",), recipe.parameters
    module = recipe.module()
    at: KeyPath = ()
    if recipe.modules:
        at = ("modules", next(iter(recipe.modules)))
        yield (*at, "parameters"), module.parameters
    for index, entry in enumerate(module.models or ()):
        yield (*at, "models", index, "parameters"), entry.parameters
    for index, part in enumerate(module.slices or ()):
        yield (*at, "slices", index, "parameters"), part.parameters
        for place, source in enumerate(part.sources):
            yield (*at, "slices", index, "sources", place, "parameters"), source.parameters


@dataclass
class Planner:
    """Plans the tensors of one merge.

    Attributes:
        recipe: What is merged.
        models: Every model that it names, opened.
        seed: Of random numbers.
        statistics: Model -> safetensors file of what was measured on it.
    """

    recipe: Recipe
    models: Mapping[str, Model]
    seed: int = 0
    statistics: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.method = find_method(self.recipe.merge_method)
        self.cls: type[MethodParameters] = self.method.Parameters
        self.sections = sections_of(self.recipe, self.models, self.method.INPUTS)
        self.notes: list[str] = []
        self._spare: list[str] = []
        self._measured = {name: stored_tensors(file) for name, file in self.statistics.items()}

    @property
    def template(self) -> Model:
        """The model whose names, configuration and files the result has: the base, or the first one."""
        return (
            self.models[self.recipe.base_model]
            if self.recipe.base_model
            else self.sections[0].sources[0].model
        )

    @property
    def depth(self) -> int:
        """Layers of the result."""
        return sum(section.layers for section in self.sections)

    def plan(self, matching: Matching) -> Plan:
        """Plan every tensor.

        Args:
            matching: How tensors of different shapes are matched.

        Raises:
            InputError: for models that do not fit together, naming model and tensor.
        """
        self._matching = matching
        _check_families(self.template, self.models.values())
        tensors = [one for one in self._tensors() if one is not None]
        if self._spare:
            names = ", ".join(self._spare[:3]) + (", ..." if len(self._spare) > 3 else "")
            self.notes.append(f"not every model has {names}, which no embedder reads: left out")
        return Plan(
            self.recipe.merge_method.replace("-", "_"), self.seed, tuple(tensors), tuple(self.notes)
        )

    def _tensors(self) -> Iterator[OutputTensor | None]:
        first, last = self.sections[0], self.sections[-1]
        for name in _outside(first):
            yield self._outside_tensor(name, first if _stands_before(name) else last)
        number = 0
        for section in self.sections:
            for offset in range(section.layers):
                depth = offset / (section.layers - 1) if section.layers > 1 else 1.0
                for rest in _layer_names(section, offset):
                    yield self._layer_tensor(section, offset, rest, number, depth)
                number += 1
        yield from self._extras(last)

    def _outside_tensor(self, name: str, section: Section) -> OutputTensor | None:
        if OUTPUT_MATRIX.search(name) and _is_tied(section):
            return None  # it would be merged twice, and is made of the embeddings when the model is loaded
        is_spare = bool(SPARE.match(name)) or any(name in source.model.heads for source in section.sources)
        names = dict.fromkeys(range(len(section.sources)), name)
        is_head = name in self.template.heads
        stored = name if is_head else self.template.naming.prefix + name
        return self._tensor(section, names, WEIGHTS, stored, 0.0, is_spare)

    def _layer_tensor(
        self, section: Section, offset: int, rest: str, number: int, depth: float
    ) -> OutputTensor | None:
        names = {
            i: f"{source.model.naming.stack}{source.first + offset}.{rest}"
            for i, source in enumerate(section.sources)
        }
        naming = self.template.naming
        return self._tensor(section, names, WEIGHTS, f"{naming.prefix}{naming.stack}{number}.{rest}", depth)

    def _extras(self, section: Section) -> Iterator[OutputTensor | None]:
        files = {file for source in section.sources for file in source.model.extras}
        for file in sorted(files):
            tensors = {name for source in section.sources for name in source.model.extras.get(file, ())}
            for name in sorted(tensors):
                found = [source.model.extras.get(file, {}).get(name) for source in section.sources]
                self._require(section, [one is not None for one in found], f"{file}: {name}")
                names = dict.fromkeys(range(len(found)), name)
                matched = self._matching.match(
                    section, name, [one for one in found if one is not None], self.method
                )
                yield self._output(section, matched, names, file, name, 0.0)

    def _tensor(
        self,
        section: Section,
        names: Mapping[int, str],
        file: str,
        out: str,
        depth: float,
        is_spare: bool = False,
    ) -> OutputTensor | None:
        found = [source.model.tensors.get(names[i]) for i, source in enumerate(section.sources)]
        present = [one is not None for one in found]
        if is_spare and not all(present):
            self._spare.append(out)
            return None
        self._require(section, present, out)
        matched = self._matching.match(
            section, names[0], [one for one in found if one is not None], self.method
        )
        return self._output(section, matched, names, file, out, depth)

    def _require(self, section: Section, present: list[bool], name: str) -> None:
        if all(present):
            return
        lacking = section.sources[present.index(False)].model
        having = section.sources[present.index(True)].model
        raise InputError(
            f"{lacking.name} has no tensor {name}, and {having.name} has", expected="one architecture"
        )

    def _output(
        self,
        section: Section,
        matched: Matched,
        names: Mapping[int, str],
        file: str,
        out: str,
        depth: float,
    ) -> OutputTensor:
        self.notes += matched.notes
        kept = [section.sources[i] for i in matched.kept]
        offset = 1 if section.base else 0
        models = kept[offset:]
        dtype = self._dtype(matched.sources[0].dtype)
        shape = matched.sources[0].shape
        if not matched.sources[0].dtype.is_floating_point or not models:
            return OutputTensor(
                file, out, shape, matched.sources[0].dtype, (kept[0].model.name,), matched.sources[:1]
            )
        own = [names[i] for i in matched.kept[offset:]]
        stored = [s.model.stored.get(name, name) for s, name in zip(models, own, strict=True)]
        settings = [
            (source.model.name, name, source.settings) for source, name in zip(models, stored, strict=True)
        ]
        return OutputTensor(
            file,
            out,
            shape,
            dtype,
            tuple(source.model.name for source in models),
            matched.sources[offset:],
            matched.sources[0] if offset else None,
            self._statistics(models, stored, own),
            resolve(self.cls, out, depth, section.scopes, settings),
        )

    def _statistics(self, models: list[Source], stored: list[str], own: list[str]) -> tuple[Any, ...]:
        if not self._measured:
            return ()
        each = [self._measured.get(source.model.name, {}) for source in models]
        return tuple(
            measured.get(name) or measured.get(plain)
            for measured, name, plain in zip(each, stored, own, strict=True)
        )

    def _dtype(self, stored: torch.dtype) -> torch.dtype:
        wanted = self.recipe.output_dtype
        return getattr(torch, wanted) if wanted else stored


def _outside(section: Section) -> list[str]:
    """Canonical names outside of the layers, of any model, in the first model's order."""
    names: dict[str, None] = {}
    for source in section.sources:
        naming = source.model.naming
        names.update(dict.fromkeys(n for n in source.model.tensors if naming.layer(n) is None))
    return list(names)


def _layer_names(section: Section, offset: int) -> list[str]:
    """What follows the number of a layer, of any model."""
    names: dict[str, None] = {}
    for source in section.sources:
        layers = (source.model.naming.layer(name) for name in source.model.tensors)
        names.update(
            dict.fromkeys(found[1] for found in layers if found and found[0] == source.first + offset)
        )
    return list(names)


def _stands_before(name: str) -> bool:
    """Whether a tensor outside of the layers feeds the first one, rather than follows the last."""
    return EMBEDDING.search(name) is not None


def _is_tied(section: Section) -> bool:
    """Whether the output matrix is the embedding matrix.

    Raises:
        InputError: if it is in some models only.
    """
    tied = {source.model.name: source.model.config.get("tie_word_embeddings") for source in section.sources}
    if True in tied.values() and False in tied.values():
        ours, theirs = (next(n for n, is_tied in tied.items() if is_tied is kind) for kind in (True, False))
        raise InputError(
            f"{ours} ties its output matrix to its embeddings, and {theirs} does not",
            expected="models that agree",
        )
    return True in tied.values()


def _check_families(template: Model, models: Any) -> None:
    wanted = template.config.get("model_type")
    for model in models:
        if (found := model.config.get("model_type")) != wanted:
            raise InputError(
                f"{model.name} is a {found}, and {template.name} is a {wanted}", expected="one family"
            )
