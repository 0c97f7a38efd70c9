"""A uniform soup (arXiv 2203.05482): the plain mean of the models, a base that is named among them."""

from __future__ import annotations

from torch import Tensor

from embedworks.merging.combine import weighted_sum
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters

INPUTS = Inputs(base="member")
HOLDS = Holds(2)
ELEMENTWISE = True


class Parameters(MethodParameters):
    """The method has none."""


def merge(group: Group, _: Parameters) -> Tensor:
    """``sum_i W_i / n``."""
    return weighted_sum(group, [1 / len(group)] * len(group))
