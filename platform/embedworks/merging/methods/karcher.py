"""Karcher mean: the point of the sphere whose squared angles to all models' directions sum to the least.

Each tensor is one vector. The mean (Karcher 1977; for merging arXiv 2603.04972) is found by steps along the
sphere. All that happens in the space that the tensors span, so that it is computed with one coefficient a
tensor, in float64. A base that is named is one model more.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.combine import combine, gram
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters

INPUTS = Inputs(base="member")
HOLDS = Holds(0, per_model=1)


class Parameters(MethodParameters):
    """Parameters of the method."""

    max_iter: int = Field(default=10, ge=0, description="most steps")
    tol: float = Field(default=1e-5, gt=0, description="smallest length, angle and step that counts")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """The mean direction, with the mean of the lengths; zero tensors have no say in the direction."""
    tensors = list(group.tensors())
    if len(tensors) == 1:
        return tensors[0]
    products = gram(tensors)
    lengths = products.diagonal().sqrt()
    counts = lengths > parameters.tol
    if not bool(counts.any()):
        return tensors[0].zero_()
    cosines = products[counts][:, counts] / lengths[counts].outer(lengths[counts])
    coefficients = torch.zeros_like(lengths)
    coefficients[counts] = direction(cosines, parameters.max_iter, parameters.tol) / lengths[counts]
    return combine(tensors, (coefficients * lengths.mean()).tolist())


def direction(cosines: Tensor, max_iter: int, tol: float) -> Tensor:
    """Coefficients of unit vectors in their Karcher mean.

    Args:
        cosines: Between the vectors, float64 of shape (vectors, vectors).
        max_iter: Most steps.
        tol: A shorter step is the last; angles below are zero.

    Returns:
        float64 of shape (vectors,).
    """
    count = len(cosines)
    mean = torch.full((count,), 1 / count, dtype=torch.float64)
    size = _length(mean, cosines)
    mean = torch.eye(count, dtype=torch.float64)[0] if size < tol else mean / size
    for _ in range(max_iter):
        cosine = (cosines @ mean).clamp_(-1, 1)
        angle = cosine.acos()
        # What is there already does not pull, and what is opposite pulls in no direction.
        pull = torch.where(angle.sin() < tol, 0, angle / angle.sin() / count)
        step = pull - (pull @ cosine) * mean
        size = _length(step, cosines)
        if size < tol:
            break
        mean = torch.tensor(size).cos() * mean + torch.tensor(size).sin() * (step / size)
        mean /= _length(mean, cosines)
    return mean


def _length(coefficients: Tensor, cosines: Tensor) -> float:
    return float((coefficients @ cosines @ coefficients).clamp(min=0).sqrt())
