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
    result = group.read(0).mul_(weights[0])
    for index, weight in enumerate(weights[1:], 1):
        result.add_(group.read(index), alpha=weight)
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


def grams(tensors: Sequence[Tensor], axis: int) -> Tensor:
    """Inner products of the vectors along the last or the first axis.

    Args:
        tensors: Of one shape, which is not ``()``.
        axis: -1 or 0.

    Returns:
        float64 of shape (tensors, tensors, ...): the tensors' shape, with 1 in place of the axis.
    """
    first = tensors[0]
    size = max(1, CHUNK * len(first) // max(1, first.numel()))
    blocks = (_products(parts, axis) for parts in zip(*(t.split(size) for t in tensors), strict=True))
    if axis == -1 and first.dim() > 1:
        return torch.cat(list(blocks), 2)
    total = next(blocks)
    for block in blocks:
        total += block
    return total


def _products(parts: tuple[Tensor, ...], axis: int) -> Tensor:
    block = torch.stack(parts).double()
    count = len(parts)
    result: dict[tuple[int, int], Tensor] = {}
    for i in range(count):
        for j in range(i, count):
            result[i, j] = result[j, i] = (block[i] * block[j]).sum(axis, keepdim=True)
    pairs = torch.stack([result[i, j] for i in range(count) for j in range(count)])
    return pairs.view(count, count, *pairs.shape[1:])
