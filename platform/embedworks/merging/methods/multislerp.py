"""Spherical mean of any number of models, or of their task vectors, by weights (mergekit's Multi-SLERP).

The method is described as a mean in the tangent space at the mean direction. There the weighted sum of the
tangent vectors is zero, because the mean is where they are taken from; what is left is the direction of the
weighted mean of the directions, with the weighted mean of the lengths.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from embedworks.errors import InputError
from embedworks.merging.combine import combine, gram
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters, PerModel

INPUTS = Inputs(base="optional")
HOLDS = Holds(0, per_model=1)

# No sum of float32 directions is known better than this.
_SMALLEST_MEAN = 1e-7


class Parameters(MethodParameters):
    """Parameters of the method."""

    weight: PerModel[float] = Field(description="share of the model")
    normalize_weights: bool = Field(default=True, description="divide the weights by their sum")
    eps: float = Field(default=1e-8, ge=0, description="a length up to this is none")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``(sum_i w_i |W_i|) M / |M|`` with ``M = sum_i w_i W_i / |W_i|``; with a base, of the d_i, and added.

    Raises:
        InputError: for weights that sum to zero, or more than two models whose directions cancel out; two
            are mixed linearly then.
    """
    if len(group) == 1:
        return group.read(0)
    weights = torch.tensor(parameters.weight, dtype=torch.float64)
    if parameters.normalize_weights:
        if abs(float(weights.sum())) < _SMALLEST_MEAN:
            expected = "another sum, or normalize_weights: false"
            raise InputError("the weights sum to zero", where=group.name, expected=expected)
        weights /= weights.sum()
    tensors = list(group.tensors() if group.base is None else group.deltas())
    result = combine(tensors, _coefficients(gram(tensors), weights, parameters.eps, group.name))
    return result if group.base is None else result.add_(group.base)


def _coefficients(products: Tensor, weights: Tensor, eps: float, name: str) -> Sequence[float]:
    lengths = products.diagonal().sqrt()
    mean = torch.where(lengths > eps, weights / lengths, 0)
    size = float((mean @ products @ mean).clamp(min=0).sqrt())
    if size >= max(eps, _SMALLEST_MEAN):
        return list((weights @ lengths * mean / size).tolist())
    if len(weights) > 2 and bool(lengths.any()):
        raise InputError("the directions of the models cancel out", where=name, expected="other weights")
    return list(weights.tolist())
