"""Spherical interpolation of two models, or of their task vectors, by weights (mergekit's NuSLERP).

A whole tensor is one vector, or each of its vectors along the last axis (a unit's incoming weights), or
along the first, has an angle of its own.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.combine import gram, grams
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters, PerModel

INPUTS = Inputs(base="optional", least=2, most=2)
HOLDS = Holds(2)

_SMALLEST_NORM = 1e-7
_SMALLEST_SUM = 1e-6
# Of two vectors of float32, a smaller sine of the angle says nothing.
_PARALLEL = 1e-6


class Parameters(MethodParameters):
    """Parameters of the method."""

    weight: PerModel[float] = Field(description="share of the model; only the ratio counts")
    nuslerp_flatten: bool = Field(default=True, description="one angle for the whole tensor")
    nuslerp_row_wise: bool = Field(
        default=False, description="without nuslerp_flatten: vectors along the first axis, not the last"
    )


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``(sin((1 - t) a) W_1 + sin(t a) W_2) / sin(a)`` with ``t = w_2 / (w_1 + w_2)``, or 1/2.

    With a base, of the task vectors, added to it. Vectors that are parallel or opposite are interpolated
    linearly. One model alone is copied.
    """
    if len(group) == 1:
        return group.read(0)
    total = sum(parameters.weight)
    t = 0.5 if abs(total) < _SMALLEST_SUM else parameters.weight[1] / total
    first, second = group.tensors() if group.base is None else group.deltas()
    one, other = _coefficients(_products(first, second, parameters), t)
    result = first.mul_(one).add_(second.mul_(other))
    return result if group.base is None else result.add_(group.base)


def _products(first: Tensor, second: Tensor, parameters: Parameters) -> Tensor:
    if parameters.nuslerp_flatten or first.dim() == 0:
        return gram([first, second])
    return grams([first, second], 0 if parameters.nuslerp_row_wise else -1)


def _coefficients(products: Tensor, t: float) -> tuple[Tensor, Tensor]:
    lengths = [products[i, i].sqrt().clamp_(min=_SMALLEST_NORM) for i in range(2)]
    angle = (products[0, 1] / (lengths[0] * lengths[1])).clamp_(-1, 1).acos_()
    sine = angle.sin()
    parallel = sine < _PARALLEL
    one = torch.where(parallel, 1 - t, ((1 - t) * angle).sin() / sine)
    other = torch.where(parallel, t, (t * angle).sin() / sine)
    return one.float(), other.float()
