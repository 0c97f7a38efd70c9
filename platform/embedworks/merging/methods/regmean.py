"""RegMean (Jin et al., arXiv 2212.09849, equation 2): linear layers that answer as each model's did.

A linear layer becomes the least-squares solution over all models' own inputs and outputs, which needs
no more of the inputs than their Gram matrix. Everything else is averaged.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from embedworks.merging.method import Group, Holds, Inputs, MethodParameters

INPUTS = Inputs(base="optional")
# Two Gram matrices and one product in float64: of the inputs of a layer that narrows four times, a matrix
# is four times as large as the weight.
HOLDS = Holds(24)
STATISTICS = "regmean"


class Parameters(MethodParameters):
    """Parameters of the method."""

    alpha: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.9, description="what the Gram matrices keep off their diagonal"
    )
    ridge: Annotated[float, Field(ge=0)] = Field(
        default=1e-6, description="added to each diagonal, as a share of its mean"
    )


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``(sum_i G_i)^-1 sum_i G_i W_i`` of weights as ``(in, out)``; the mean where a model has no ``G_i``.

    ``G_i`` is shrunk towards its diagonal: ``alpha G + (1 - alpha) diag(G)``. The ridge is part of each
    ``G_i`` on both sides, so that models that agree stay as they are.
    """
    left_II: Tensor | None = None
    right_IO: Tensor | None = None
    for index in range(len(group)):
        gram_II = shrunk(group.statistics(index), parameters)
        if gram_II is None:
            return _mean(group)
        product_IO = gram_II @ group.read(index).double().T
        left_II = gram_II if left_II is None else left_II.add_(gram_II)
        right_IO = product_IO if right_IO is None else right_IO.add_(product_IO)
        del gram_II  # before the next model's is read
    assert left_II is not None, "a group has a model"
    assert right_IO is not None
    found_IO, failed = torch.linalg.solve_ex(left_II, right_IO)
    if int(failed) or not bool(found_IO.isfinite().all()):
        group.notes.append(f"{group.name}: no inputs were seen, and the models were averaged")
        return _mean(group)
    result_OI: Tensor = found_IO.T.float().contiguous()
    return result_OI


def shrunk(gram_II: Tensor | None, parameters: Parameters) -> Tensor | None:
    """``alpha G + (1 - alpha) diag(G) + ridge mean(diag(G)) I``, in float64; None where there is no G."""
    if gram_II is None:
        return None
    diagonal_I = gram_II.diagonal().double()
    result_II = gram_II.to(torch.float64, copy=True).mul_(parameters.alpha)
    result_II.diagonal().copy_(diagonal_I + parameters.ridge * diagonal_I.mean())
    return result_II


def _mean(group: Group) -> Tensor:
    total: Tensor | None = None
    for tensor in group.tensors():
        total = tensor.clone() if total is None else total.add_(tensor)
    assert total is not None, "a group has a model"
    return total.div_(len(group))
