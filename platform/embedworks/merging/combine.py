"""Sums and inner products of tensors that may be large, in pieces that stay in the processor's cache.

All methods that work with angles between whole tensors need no more than the tensors' inner products: what
they return is a combination of the tensors, whose coefficients are found from a small matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from embedworks.merging.method import Group

CHUNK = 1 << 15


def chunks(tensors: Sequence[Tensor], size: int = CHUNK) -> Iterator[tuple[Tensor, ...]]:
    """The same elements of each tensor, in views of at most ``size``: to be changed in place, if wanted."""
    return zip(*(tensor.view(-1).split(size) for tensor in tensors), strict=True)


def weighted_sum(group: Group, weights: Sequence[float]) -> Tensor:
    """``sum_i w_i W_i``, holding two tensors."""
    result: Tensor | None = None
    for weight, tensor in zip(weights, group.tensors(), strict=True):
        result = tensor.mul_(weight) if result is None else result.add_(tensor, alpha=weight)
    assert result is not None, "a group has a model"
    return result


def combine(tensors: Sequence[Tensor], coefficients: Sequence[float]) -> Tensor:
    """``sum_i c_i t_i``, in place of the first one."""
    result = tensors[0].mul_(coefficients[0])
    for tensor, coefficient in zip(tensors[1:], coefficients[1:], strict=True):
        result.add_(tensor, alpha=coefficient)
    return result


def gram(tensors: Sequence[Tensor]) -> Tensor:
    """Inner products of the flattened tensors.

    Products of float32 are exact in float64, so that angles of 1e-7 can still be told from none.

    Returns:
        float64 of shape (tensors, tensors).
    """
    result = torch.zeros(len(tensors), len(tensors), dtype=torch.float64)
    for parts in chunks(tensors):
        block = torch.stack(parts).double()
        result.addmm_(block, block.T)
    return result


def squares(tensor: Tensor) -> float:
    """Sum of the squares of the elements, in float64."""
    return sum(float(part.double().square_().sum()) for part in tensor.view(-1).split(CHUNK))


def dots(a: Tensor, b: Tensor, axis: int) -> Tensor:
    """Inner products of the vectors along the last or the first axis.

    Args:
        a: Of any shape but ``()``.
        b: Of the same shape.
        axis: -1 or 0.

    Returns:
        float64; of ``a``'s shape with 1 in place of the axis.
    """
    rows = max(1, CHUNK * len(a) // max(1, a.numel()))
    parts = [
        (x.double() * y).sum(axis, keepdim=True) for x, y in zip(a.split(rows), b.split(rows), strict=True)
    ]
    return torch.cat(parts) if axis == -1 and a.dim() > 1 else torch.stack(parts).sum(0)
