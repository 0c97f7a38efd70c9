"""The engine of the methods that sparsify task vectors and mix them: ``W_0 + lambda mix_i(w_i S(d_i))``.

A method is a sparsifier S (see :mod:`embedworks.merging.sparsify`) and a way to mix: a weighted sum, or one
of those alone whose sign is that of the sum, element by element (TIES, arXiv 2306.01708).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.combine import chunks
from embedworks.merging.method import Group, MethodParameters, PerModel, for_each
from embedworks.merging.sparsify import Rescale

Share = Annotated[float, Field(ge=0, le=1)]
Sparsifier = Callable[[Tensor, int], None]
"""Sparsifies in place the task vector of the model at a position."""

_SMALLEST_SUM = 1e-8


class TaskVectorParameters(MethodParameters):
    """Parameters of every method of the family; each method sets its own defaults."""

    weight: PerModel[float] = Field(description="factor of the model's task vector")
    density: PerModel[Share] = for_each(1.0, "share of its elements that is kept")
    scale: float = Field(default=1.0, alias="lambda", description="factor of the mixed task vector")
    normalize: bool = Field(default=False, description="divide by the sum of the weights")
    rescale: Rescale = Field(
        default="none", description="scale up what is kept: l1 (true), inverse_keep or none (false)"
    )
    int8_mask: bool = Field(default=False, description="accepted; masks are of one byte in any case")


def merge_task_vectors(
    group: Group, parameters: TaskVectorParameters, sparsify: Sparsifier, consensus: bool
) -> Tensor:
    """The merged tensor.

    Args:
        group: With a base.
        parameters: Of the method.
        sparsify: What becomes of a task vector before it is mixed.
        consensus: Mix what agrees in sign alone.
    """
    assert group.base is not None, "the method's INPUTS require a base"
    if not len(group):
        return group.base.clone()
    mix = _agreeing if consensus else _all
    return mix(group, parameters, sparsify).mul_(parameters.scale).add_(group.base)


def _all(group: Group, parameters: TaskVectorParameters, sparsify: Sparsifier) -> Tensor:
    total = _sparse(group, sparsify, 0).mul_(parameters.weight[0])
    for index, weight in enumerate(parameters.weight[1:], 1):
        total.add_(_sparse(group, sparsify, index), alpha=weight)
    divisor = sum(parameters.weight)
    if parameters.normalize and abs(divisor) >= _SMALLEST_SUM:
        total.div_(divisor)
    return total


def _sparse(group: Group, sparsify: Sparsifier, index: int) -> Tensor:
    delta = group.delta(index)
    sparsify(delta, index)
    return delta


def _agreeing(group: Group, parameters: TaskVectorParameters, sparsify: Sparsifier) -> Tensor:
    deltas = [_sparse(group, sparsify, i).mul_(weight) for i, weight in enumerate(parameters.weight)]
    ones = [1.0] * len(deltas)
    return agreeing_sum(deltas, ones, parameters.weight if parameters.normalize else None)


def agreeing_sum(
    deltas: Sequence[Tensor], factors: Sequence[float], shares: Sequence[float] | None, least: float = 0
) -> Tensor:
    """Sum of the tensors that agree in sign with the plain sum, element by element; changes the first one.

    A sum of zero counts as positive, and a zero agrees with nothing.

    Args:
        deltas: Contiguous, of one shape.
        factors: Of each tensor in the sum, but not in the vote.
        shares: Divide by the sum of these over the tensors that agree; where it is zero, by one.
        least: The least such divisor.

    Returns:
        The first tensor, with the sum in it.
    """
    for parts in chunks(deltas):
        sign = torch.where(torch.stack(parts).sum(0) >= 0, 1.0, -1.0)
        total = torch.zeros_like(sign)
        divisor = torch.zeros_like(sign)
        for index, part in enumerate(parts):
            agreeing = (part * sign).clamp_(min=0)
            total.add_(agreeing, alpha=factors[index])
            if shares is not None:
                divisor.add_(agreeing.sign_(), alpha=shares[index])
        if shares is not None:
            divisor.masked_fill_(divisor == 0, 1)
            total.div_(divisor.clamp_(min=least) if least else divisor)
        torch.mul(total, sign, out=parts[0])
    return deltas[0]
