"""Model Stock (arXiv 2403.19522): how far to go from the base to the mean of models, from their angle.

The paper has two models and one angle a layer; here the angle is that of a tensor or of a row, and of more
models the mean over all pairs, as in mergekit.
"""

from __future__ import annotations

from itertools import combinations

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.combine import combine, dots, gram
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters

INPUTS = Inputs(base="required", least=2)
HOLDS = Holds(0, per_model=1)

_SMALLEST_PRODUCT = 1e-6
_SINGULAR = 1e-6


class Parameters(MethodParameters):
    """Parameters of the method."""

    filter_wise: bool = Field(default=False, description="an angle for each row, not for the tensor")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``W_0 + t mean(d_i)`` with ``t = n c / (1 + (n - 1) c)``, c the mean cosine of two task vectors.

    Products of lengths below 1e-6 count as 1e-6, so that tiny task vectors are drawn to the base. Where the
    task vectors balance out and t has no value, the base is kept.
    """
    assert group.base is not None, "the method's INPUTS require a base"
    deltas = list(group.deltas())
    if len(deltas) < 2:
        group.notes.append(f"{group.name}: one task vector has no angle, and was taken whole")
        return combine(deltas, [1.0]).add_(group.base) if deltas else group.base.clone()
    if parameters.filter_wise and deltas[0].dim() > 0:
        cosine = _cosine_of_rows(deltas)
    else:
        cosine = _mean_cosine(gram(deltas))
    count = len(deltas)
    divisor = 1 + (count - 1) * cosine
    singular = divisor.abs() < _SINGULAR
    if bool(singular.any()):
        group.notes.append(f"{group.name}: task vectors balance out, the base was kept")
    ratio = torch.where(singular, 0, count * cosine / divisor)
    return combine(deltas, [1 / count] * count).mul_(ratio.float()).add_(group.base)


def _mean_cosine(products: Tensor) -> Tensor:
    lengths = products.diagonal().sqrt()
    cosines = (products / lengths.outer(lengths).clamp_(min=_SMALLEST_PRODUCT)).clamp_(-1, 1)
    count = len(lengths)
    return cosines.triu(1).sum() / (count * (count - 1) / 2)


def _cosine_of_rows(deltas: list[Tensor]) -> Tensor:
    lengths = [dots(delta, delta, -1).sqrt_() for delta in deltas]
    pairs = [
        (dots(deltas[i], deltas[j], -1) / (lengths[i] * lengths[j]).clamp_(min=_SMALLEST_PRODUCT)).clamp_(
            -1, 1
        )
        for i, j in combinations(range(len(deltas)), 2)
    ]
    return torch.stack(pairs).mean(0)
