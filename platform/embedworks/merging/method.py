"""What a merge method is: how many models it takes, its parameters, and a function on one tensor of each.

A method is ``merging/methods/<name>.py``, found by its name (``dare_ties`` and ``dare-ties`` are one), with

    INPUTS       an :class:`Inputs`: how many models, and what a base is to it
    Parameters   a :class:`MethodParameters`, whose annotations say everything about the keys: a plain type
                 is one value for all models, ``PerModel[float]`` one a model
    HOLDS        a :class:`Holds`: how much memory it needs
    merge        ``(group, parameters) -> Tensor``, in float32

and, where it is true, ``ELEMENTWISE = True``: an element of the result depends on the same element of the
inputs alone. Such a method is given large tensors in pieces, so that memory does not depend on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from embedworks.errors import InputError
from embedworks.named import module_names, require_known

METHODS = Path(__file__).parent / "methods"

T = TypeVar("T")


def for_each(default: Any, description: str) -> Any:
    """The field of a parameter that has a value for each model: ``default`` where nothing is said."""
    return Field(default=default, description=description)


class _PerModelMark:
    """Marks a parameter that has a value for each model."""


PER_MODEL = _PerModelMark()
PerModel = Annotated[tuple[T, ...], PER_MODEL]

Base = Literal["required", "optional", "member", "end"]


@dataclass(frozen=True)
class Inputs:
    """Which models a method takes.

    Attributes:
        base: What a named base is. ``required`` and ``optional``: the origin of task vectors, none of the
            models. ``member``: one model among the others. ``end``: the first of two ends; without one,
            the first model is. A member and an end are in ``Group.models``, and ``Group.base`` is None.
        least: Fewest models, a base that is no member not counted.
        most: Most models; None: any number.
    """

    base: Base
    least: int = 1
    most: int | None = None

    def check(self, method: str, models: int, has_base: bool) -> None:
        """Refuse a wrong number of models, or a missing base.

        Args:
            models: Models that the job lists, the base not among them.
            has_base: Whether a base is named.

        Raises:
            InputError: with the number that is right.
        """
        if self.base == "required" and not has_base:
            raise InputError(
                f"{method} adds task vectors to a base, and none is named",
                expected="the key `base`, in mergekit files `base_model`",
            )
        if self.base == "member" or (self.base == "end" and has_base):
            models += has_base
        if self.base == "end":
            if models != 2:
                raise InputError(f"{method} is given {models} models", expected="2, the base among them")
        elif models < self.least or (self.most is not None and models > self.most):
            raise InputError(f"{method} is given {models} models", expected=self._counts())

    def _counts(self) -> str:
        if self.most is None:
            return f"{self.least} or more"
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True)
class Holds:
    """The memory of a method: tensors of the group's size, in float32, that it holds at its peak.

    The models' tensors, what is computed of them and the result are counted; the base is not, nor are
    pieces of a few MB.

    Attributes:
        fixed: Whatever the number of models.
        per_model: More for each model.
    """

    fixed: int
    per_model: int = 0

    def tensors(self, models: int) -> int:
        """The number for so many models."""
        return self.fixed + self.per_model * models


class MethodParameters(BaseModel):
    """Base of a method's parameters: values for one tensor, after gradients and filters were resolved."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @classmethod
    def of(cls, models: int, **values: Any) -> Self:
        """Parameters for so many models: one value where there is one a model is that of each.

        Raises:
            pydantic.ValidationError: for a wrong value.
        """
        for key, info in cls.model_fields.items():
            if is_per_model(cls, key):
                if key not in values and not info.is_required():
                    values[key] = info.get_default(call_default_factory=True)
                if key in values and not isinstance(values[key], list | tuple):
                    values[key] = (values[key],) * models
        return cls.model_validate(values)


@dataclass(frozen=True)
class Group:
    """What one output tensor is made of.

    Attributes:
        name: Of the output tensor.
        models: Names of the models, in merge order; those that lack the tensor are left out.
        read: Reads one model's tensor, float32, contiguous and in memory of the caller's own; given a
            position in ``models``.
        base: The base's tensor, float32, if the method takes one.
        seed: Of the job.
        statistics: Reads what was measured on a model for this tensor (Fisher's diagonal, a Gram matrix),
            given a position; None where nothing was.
        notes: Receives what a reader should know, such as "k = 0 was raised to 1".
    """

    name: str
    models: tuple[str, ...]
    read: Callable[[int], Tensor]
    base: Tensor | None = None
    seed: int = 0
    statistics: Callable[[int], Tensor | None] = lambda _: None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, tensors: Sequence[Tensor], base: Tensor | None = None, **rest: Any) -> Group:
        """A group of tensors that are in memory, for a test or a call from Python."""
        models = rest.pop("models", tuple(f"model{i}" for i in range(len(tensors))))
        return cls(rest.pop("name", "weight"), models, _copies(tensors), base, **rest)

    def __len__(self) -> int:
        return len(self.models)

    def tensors(self) -> Iterator[Tensor]:
        """The models' tensors, each the caller's own; for a method that needs them all.

        One that needs one at a time calls ``read``: a loop holds the last one while the next is read.
        """
        return (self.read(i) for i in range(len(self)))

    def delta(self, index: int) -> Tensor:
        """One model's task vector, the caller's own."""
        assert self.base is not None, "the method's INPUTS require a base"
        return self.read(index).sub_(self.base)

    def deltas(self) -> Iterator[Tensor]:
        """The task vectors ``d_i = W_i - W_0``, each the caller's own; see ``tensors``."""
        return (self.delta(i) for i in range(len(self)))

    def generator(self, index: int) -> torch.Generator:
        """Random numbers for one model's tensor: of the job's seed, the tensor's and the model's name.

        The order in which tensors are merged, or on how many workers, therefore changes nothing.
        """
        text = f"{self.seed}\0{self.name}\0{self.models[index]}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
        return torch.Generator().manual_seed(number)


def _copies(tensors: Sequence[Tensor]) -> Callable[[int], Tensor]:
    def read(index: int) -> Tensor:
        return tensors[index].to(torch.float32, memory_format=torch.contiguous_format, copy=True)

    return read


def method_names() -> list[str]:
    """Names of the methods that merge by a formula."""
    return [name.replace("-", "_") for name in module_names(METHODS)]


def find_method(name: str) -> ModuleType:
    """The module of a method.

    Raises:
        InputError: for an unknown name, with the nearest one.
    """
    import importlib

    plain = name.replace("-", "_")
    require_known("merge method", plain, method_names())
    return importlib.import_module(f"embedworks.merging.methods.{plain}")


def is_per_model(parameters: type[MethodParameters], key: str) -> bool:
    """Whether a parameter has a value for each model."""
    return PER_MODEL in parameters.model_fields[key].metadata


def value_type(parameters: type[MethodParameters], key: str) -> Any:
    """The type of one value of a parameter: of ``PerModel[float]`` it is float."""
    info = parameters.model_fields[key]
    if is_per_model(parameters, key):
        return get_args(info.annotation)[0]
    return Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
