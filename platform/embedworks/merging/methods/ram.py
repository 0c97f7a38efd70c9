"""RAM, reinforced agent merging (arXiv 2601.13572): task vectors that few models share are not diluted.

An element that one model alone changed is taken as it is; one that several changed is their mean.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.combine import chunks
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters

INPUTS = Inputs(base="required")
HOLDS = Holds(3)
ELEMENTWISE = True


class Parameters(MethodParameters):
    """Parameters of the method."""

    epsilon: float = Field(default=1e-5, ge=0, description="a change up to this is none")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``W_0 + sum of the d_i above epsilon in size / their number``."""
    assert group.base is not None, "the method's INPUTS require a base"
    total = torch.zeros_like(group.base)
    count = torch.zeros_like(group.base)
    for index in range(len(group)):
        _add(group.delta(index), total, count, parameters.epsilon)
    return total.div_(count.clamp_(min=1)).add_(group.base)


def _add(delta: Tensor, total: Tensor, count: Tensor, epsilon: float) -> None:
    for part, sum_part, count_part in chunks([delta, total, count]):
        part.masked_fill_(part.abs() <= epsilon, 0)
        sum_part.add_(part)
        count_part.add_(part.sign_().abs_())
