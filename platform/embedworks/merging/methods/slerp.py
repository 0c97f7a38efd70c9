"""Spherical interpolation of two models (Shoemake, SIGGRAPH 1985), each tensor as one vector.

Lengths are interpolated as they are: the formula is applied to the tensors and not to their directions. A
zero tensor counts as orthogonal to every other.
"""

from __future__ import annotations

from math import acos, sin, sqrt

from pydantic import Field
from torch import Tensor

from embedworks.merging.combine import combine, gram
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters

INPUTS = Inputs(base="end")
HOLDS = Holds(2)

_PARALLEL = 0.9995
_SMALLEST_NORM = 1e-8


class Parameters(MethodParameters):
    """Parameters of the method."""

    t: float = Field(description="0 gives the base, or the first model; 1 the other one")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``(sin((1 - t) a) W_0 + sin(t a) W_1) / sin(a)``, a being the angle between them.

    ``(1 - t) W_0 + t W_1`` where the cosine is above 0.9995 in size. One model alone is copied.
    """
    tensors = list(group.tensors())
    if len(tensors) == 1:
        return tensors[0]
    products = gram(tensors)
    lengths = [sqrt(float(products[i, i])) for i in range(2)]
    cosine = float(products[0, 1])
    for length in lengths:
        cosine /= length if length > _SMALLEST_NORM else 1.0
    return combine(tensors, arc(cosine, parameters.t))


def arc(cosine: float, t: float) -> tuple[float, float]:
    """Coefficients of the two ends."""
    if abs(cosine) > _PARALLEL:
        return 1 - t, t
    angle = acos(cosine)
    return sin((1 - t) * angle) / sin(angle), sin(t * angle) / sin(angle)
