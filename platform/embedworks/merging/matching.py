"""Tensors of one name and different shapes: rows of vocabularies are matched, anything else is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from embedworks.errors import InputError
from embedworks.merging.names import is_vocabulary
from embedworks.merging.sections import Section
from embedworks.merging.tensors import TensorSource
from embedworks.merging.vocabulary import Cut, Remapped, VocabularyMap


@dataclass(frozen=True)
class Matched:
    """Tensors that fit one another.

    Attributes:
        sources: The tensors, the base's in front where there is one.
        kept: Which of the section's sources they are of.
        notes: What a reader should know.
    """

    sources: tuple[TensorSource, ...]
    kept: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matching:
    """How rows are matched.

    Attributes:
        map: The joint vocabulary; None where the models have one vocabulary anyway.
        numbers: Model -> its number in the map.
    """

    map: VocabularyMap | None
    numbers: Mapping[str, int]

    def match(
        self, section: Section, name: str, tensors: Sequence[TensorSource], method: ModuleType
    ) -> Matched:
        """Bring tensors of one name to one shape.

        Raises:
            InputError: for shapes that cannot be matched, naming the models.
        """
        everyone = tuple(range(len(tensors)))
        if self._is_vocabulary(section, name, tensors):
            if self.map is not None:
                return Matched(self._remapped(section, tensors, self.map), everyone)
            rows = min(tensor.shape[0] for tensor in tensors)
            if any(tensor.shape[0] != rows for tensor in tensors):
                cut = tuple(Cut(tensor, rows) for tensor in tensors)
                note = f"{name} was cut to the {rows} rows that all models have; their tokens are the same"
                return self._same(section, name, cut, method, (note,))
        return self._same(section, name, tensors, method)

    def _is_vocabulary(self, section: Section, name: str, tensors: Sequence[TensorSource]) -> bool:
        return all(
            is_vocabulary(name, tensor.shape, source.model.config.get("vocab_size"))
            for source, tensor in zip(section.sources, tensors, strict=True)
        )

    def _remapped(
        self, section: Section, tensors: Sequence[TensorSource], found: VocabularyMap
    ) -> tuple[TensorSource, ...]:
        matrices: list[TensorSource] = [tensors[0]] * len(self.numbers)
        for source, tensor in zip(section.sources, tensors, strict=True):
            matrices[self.numbers[source.model.name]] = tensor
        return tuple(
            Remapped(tuple(matrices), self.numbers[source.model.name], found) for source in section.sources
        )

    def _same(
        self,
        section: Section,
        name: str,
        tensors: Sequence[TensorSource],
        method: ModuleType,
        notes: tuple[str, ...] = (),
    ) -> Matched:
        shape = tensors[0].shape
        odd = [i for i, tensor in enumerate(tensors) if tensor.shape != shape]
        if not odd:
            return Matched(tuple(tensors), tuple(range(len(tensors))), notes)
        first, other = section.sources[0].model.name, section.sources[odd[0]].model.name
        what = f"{name} is {list(tensors[odd[0]].shape)} in {other}, and {list(shape)} in {first}"
        if method.INPUTS.base != "required":
            raise InputError(what, expected="models of one shape")
        kept = tuple(i for i in range(len(tensors)) if i not in odd)
        skipped = tuple(f"{what}: its task vector was left out" for i in odd[:1])
        return Matched(tuple(tensors[i] for i in kept), kept, (*notes, *skipped))
