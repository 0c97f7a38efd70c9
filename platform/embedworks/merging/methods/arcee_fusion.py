"""Arcee Fusion (mergekit): take from the other model only the elements that matter most.

An element's importance is how far it moved, times how much the softmax of its row changed. Those whose
importance is an outlier of the tensor's, above the median by 1.5 times the range between the quartiles, are
taken.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.combine import CHUNK
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters

INPUTS = Inputs(base="required", most=1)
HOLDS = Holds(3)

_FLOOR = 1e-8
_SAMPLE = 1_000_000


class Parameters(MethodParameters):
    """Parameters of the method."""

    mergekit_compat: bool = Field(
        default=False, description="in tensors above 1e6 elements, quartiles of 1e6 random ones"
    )


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``W_1`` where its importance reaches the threshold, else ``W_0``."""
    assert group.base is not None, "the method's INPUTS require a base"
    other = group.read(0)
    if not other.numel():
        return other
    importance = _importance(other, group.base)
    sampled = importance.view(-1)
    if parameters.mergekit_compat and len(sampled) > _SAMPLE:
        sampled = sampled[torch.randint(len(sampled), (_SAMPLE,), generator=group.generator(0))]
    keep_base = importance < _threshold(sampled.clone())
    return torch.where(keep_base, group.base, other, out=importance)


def _importance(other: Tensor, base: Tensor) -> Tensor:
    """``|d| sum(p log(p / q))`` of the rows' softmax p in the other model and q in the base."""
    rows, base_rows = (t.view(-1, t.shape[-1]) if t.dim() else t.view(1, 1) for t in (other, base))
    result = torch.empty_like(other)
    size = max(1, CHUNK // rows.shape[-1])
    parts = zip(rows.split(size), base_rows.split(size), result.view(rows.shape).split(size), strict=True)
    for row, base_row, out in parts:
        p = row.softmax(-1).add_(_FLOOR)
        q = base_row.softmax(-1).add_(_FLOOR)
        divergence = (p * (p / q).log_()).sum(-1, keepdim=True)
        torch.sub(row, base_row, out=out).abs_().mul_(divergence)
    return result


def _threshold(values: Tensor) -> float:
    """Of the values, whose order is lost; a quartile is the element at or before its place."""
    places = [int(q * (len(values) - 1)) for q in (0.25, 0.5, 0.75)]
    ordered = values.numpy()
    ordered.partition(places)
    low, median, high = (values[place] for place in places)
    return float(median + 1.5 * (high - low))
