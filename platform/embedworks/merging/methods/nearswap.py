"""NearSwap: take the other model's element where it is near to the base's, and move by at most t elsewhere.

Described with the model alchemonaut/QuartetAnemoi-70B-t0.0001, which was made by it.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from embedworks.merging.method import Group, Holds, Inputs, MethodParameters

INPUTS = Inputs(base="required", most=1)
HOLDS = Holds(2)
ELEMENTWISE = True

_SMALLEST_DIFFERENCE = 1e-6


class Parameters(MethodParameters):
    """Parameters of the method."""

    t: float = Field(description="greatest change of an element")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``W_0 + s d_1`` with ``s = t / |d_1|``, at least 0 and at most 1."""
    assert group.base is not None, "the method's INPUTS require a base"
    delta = group.delta(0)
    share = delta.abs().clamp_(min=_SMALLEST_DIFFERENCE).reciprocal_().mul_(parameters.t).clamp_(0, 1)
    return delta.mul_(share).add_(group.base)
