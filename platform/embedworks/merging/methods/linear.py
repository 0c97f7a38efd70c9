"""Linear merging, also called a soup or an average: the weighted mean of the models."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from embedworks.errors import InputError


class Config(BaseModel):
    """Parameters of the method."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: tuple[float, ...] = Field(default=(), description="one a model; empty: all equal")
    normalize: bool = Field(default=True, description="divide by the sum of the weights")


def merge(tensors: Sequence[Tensor], base: Tensor | None, config: Config) -> Tensor:  # noqa: ARG001
    """``sum_i w_i W_i``, divided by ``sum_i w_i`` if ``normalize``; in float32.

    Raises:
        InputError: for the wrong number of weights, or weights that cancel out.
    """
    weights = config.weights or (1.0,) * len(tensors)
    if len(weights) != len(tensors):
        raise InputError(f"{len(weights)} weights for {len(tensors)} models", expected="one a model")
    if config.normalize and sum(weights) == 0:
        raise InputError("the weights sum to zero", expected="a sum other than 0, or normalize: false")
    scale = sum(weights) if config.normalize else 1.0
    return torch.stack([w / scale * t for w, t in zip(weights, tensors, strict=True)]).sum(0)
