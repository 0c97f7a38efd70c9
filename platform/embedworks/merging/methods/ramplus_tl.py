"""RAM+ (arXiv 2601.13572), tensor by tensor: RAM, with what is a model's own made stronger.

The more of a model's changes others share, and the mean therefore weakens, the stronger are the rest.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.combine import chunks
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters

INPUTS = Inputs(base="required")
HOLDS = Holds(3)


class Parameters(MethodParameters):
    """Parameters of the method."""

    r: float = Field(default=0.1, description="strength of the correction")
    alpha: float = Field(
        default=0.2, ge=0, description="greatest ratio of shared to own changes that counts"
    )
    epsilon: float = Field(default=1e-5, ge=0, description="a change up to this is none")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """As RAM, but a change of model i alone is times ``1 + r min(shared_i / own_i, alpha)``.

    The numbers of its shared and of its own changes are those in this tensor.
    """
    assert group.base is not None, "the method's INPUTS require a base"
    total = torch.zeros_like(group.base)
    count = torch.zeros_like(group.base, dtype=torch.int16)
    owner = torch.zeros_like(count)
    changed = torch.zeros(len(group), dtype=torch.float64)
    for index in range(len(group)):
        changed[index] = _add(index, group.delta(index), (total, count, owner), parameters.epsilon)
    factors = _factors(changed, _owned(count, owner, len(group)), parameters)
    for sum_part, count_part, owner_part in chunks([total, count, owner]):
        factor = torch.where(count_part == 1, factors[owner_part.long()], 1 / count_part.clamp(min=1))
        sum_part.mul_(factor)
    return total.add_(group.base)


def _add(index: int, delta: Tensor, sums: tuple[Tensor, Tensor, Tensor], epsilon: float) -> int:
    """Add a model's changes to their sum and count, and make it their owner; returns their number."""
    changed = 0
    for part, total, count, owner in chunks([delta, *sums]):
        idle = part.abs() <= epsilon
        total.add_(part.masked_fill_(idle, 0))
        count.add_(active := idle.logical_not_())
        owner.masked_fill_(active, index)
        changed += int(active.count_nonzero())
    return changed


def _owned(count: Tensor, owner: Tensor, models: int) -> Tensor:
    """Number of elements that each model alone changed."""
    result = torch.zeros(models, dtype=torch.float64)
    for count_part, owner_part in chunks([count, owner]):
        result += owner_part[count_part == 1].bincount(minlength=models)
    return result


def _factors(changed: Tensor, owned: Tensor, parameters: Parameters) -> Tensor:
    # A model that owns nothing has a ratio, but nothing that it would be used for.
    ratio = (changed - owned) / owned.clamp(min=1)
    return (1 + parameters.r * ratio.clamp(0, parameters.alpha)).float()
