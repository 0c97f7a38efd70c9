"""What a merge will do, tensor by tensor, before any weight is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import torch

from embedworks.merging.method import MethodParameters
from embedworks.merging.tensors import TensorSource


@dataclass(frozen=True)
class OutputTensor:
    """One tensor of the result.

    Attributes:
        file: The safetensors file that it is written to, relative to the output folder.
        name: Its name there.
        shape: Its shape.
        dtype: Its type there.
        models: Names of the models that have it, in merge order.
        sources: Their tensors.
        base: The base's tensor, where the method has a base apart from the models.
        statistics: What was measured on each model for it; empty where nothing was.
        parameters: Of the method, for this tensor; None: the first source is copied as it is, as integer
            buffers and tensors that one model alone has are.
    """

    file: str
    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    models: tuple[str, ...]
    sources: tuple[TensorSource, ...]
    base: TensorSource | None = None
    statistics: tuple[TensorSource | None, ...] = ()
    parameters: MethodParameters | None = None

    @property
    def elements(self) -> int:
        """Its number of elements."""
        return prod(self.shape)


@dataclass(frozen=True)
class Plan:
    """A merge that is ready to be run.

    Attributes:
        method: Name of the method.
        seed: Of its random numbers.
        tensors: The output, in the order of its files.
        notes: What a reader should know of how the models were matched.
    """

    method: str
    seed: int
    tensors: tuple[OutputTensor, ...]
    notes: tuple[str, ...] = field(default=())
