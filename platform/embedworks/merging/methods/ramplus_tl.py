"""RAM+ (arXiv 2601.13572), tensor by tensor: RAM, with what is a model's own made stronger.

The more of a model's changes others share, and the mean therefore weakens, the stronger are the rest.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.method import Group, Holds, Inputs, MethodParameters

INPUTS = Inputs(base="required")
HOLDS = Holds(5)


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
    count = torch.zeros_like(group.base)
    owner = torch.zeros_like(group.base, dtype=torch.int16)
    changed = []
    for index, delta in enumerate(group.deltas()):
        active = delta.abs() > parameters.epsilon
        total.add_(delta.mul_(active))
        count.add_(active)
        owner.masked_fill_(active, index)
        changed.append(int(active.sum()))
        del delta
    alone = count == 1
    own = [int((alone & (owner == index)).sum()) for index in range(len(group))]
    total.div_(count.clamp_(min=1))
    for index, (every, mine) in enumerate(zip(changed, own, strict=True)):
        ratio = min((every - mine) / mine, parameters.alpha) if mine else 0.0
        factor = torch.where(alone & (owner == index), 1 + parameters.r * ratio, 1.0)
        total.mul_(factor)
    return total.add_(group.base)
