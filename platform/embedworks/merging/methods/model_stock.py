"""Model Stock (arXiv 2403.19522): how far to go from the base to the mean of models, from their angle.

The paper has two models and one angle a layer; here the angle is that of a tensor or of a row, and of more
models the mean over all pairs, as in mergekit.
"""

from __future__ import annotations

from itertools import combinations

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.combine import combine, gram, grams
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
    by_row = parameters.filter_wise and deltas[0].dim() > 0
    cosine = _mean_cosine(grams(deltas, -1) if by_row else gram(deltas))
    count = len(deltas)
    divisor = 1 + (count - 1) * cosine
    singular = divisor.abs() < _SINGULAR
    if bool(singular.any()):
        group.notes.append(f"{group.name}: task vectors balance out, the base was kept")
    ratio = torch.where(singular, 0, count * cosine / divisor)
    return combine(deltas, [1 / count] * count).mul_(ratio.float()).add_(group.base)


def _mean_cosine(products: Tensor) -> Tensor:
    """Of all pairs, for inner products of shape (models, models, ...): of shape (...)."""
    pairs = list(combinations(range(len(products)), 2))
    lengths = [products[i, i].sqrt() for i in range(len(products))]
    cosines = [products[i, j] / (lengths[i] * lengths[j]).clamp_(min=_SMALLEST_PRODUCT) for i, j in pairs]
    return torch.stack(cosines).mean(0)
