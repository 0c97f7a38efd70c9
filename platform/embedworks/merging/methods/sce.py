"""SCE (arXiv 2408.07990): select elements that vary most, calculate shares, erase what disagrees.

Signs are elected by the unweighted sum, unlike in TIES. A model's share of a tensor is that of its task
vector's mean square.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.combine import chunks, squares
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters
from embedworks.merging.sparsify import largest
from embedworks.merging.task_vectors import Share, agreeing_sum

INPUTS = Inputs(base="required")
HOLDS = Holds(3, per_model=1)

_SMALLEST_SUM = 1e-6


class Parameters(MethodParameters):
    """Parameters of the method."""

    select_topk: Share = Field(default=1.0, description="share of the elements that vary, kept")
    int8_mask: bool = Field(default=False, description="accepted; masks are of one byte in any case")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``W_0 + sum_i w_i d_i / sum_i w_i`` over the models that agree in sign.

    The shares are equal where the mean squares sum to less than 1e-6.
    """
    assert group.base is not None, "the method's INPUTS require a base"
    deltas = list(group.deltas())
    if not deltas or not group.base.numel():
        return group.base.clone()
    if parameters.select_topk < 1:
        _select(deltas, parameters.select_topk)
    sizes = [squares(delta) / group.base.numel() for delta in deltas]
    total = sum(sizes)
    shares = [1 / len(deltas) if total < _SMALLEST_SUM else size / total for size in sizes]
    return agreeing_sum(deltas, shares, shares, least=_SMALLEST_SUM).add_(group.base)


def _select(deltas: list[Tensor], share: float) -> None:
    variance = torch.empty_like(deltas[0])
    for out, *parts in chunks([variance, *deltas]):
        # From the first, so that what is the same in all models has a variance of exactly zero.
        differences = torch.stack(parts).sub_(parts[0])
        torch.mean(differences.sub_(differences.mean(0)).square_(), 0, out=out)
    # The product is one of float32, as in mergekit: 0.29 of 100 elements are 29.
    drop = largest(variance, int(variance.count_nonzero() * share)).logical_not_()
    for delta in deltas:
        delta.masked_fill_(drop, 0)
