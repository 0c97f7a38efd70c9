"""Fisher-weighted averaging (Matena and Raffel, arXiv 2111.09832, equation 3).

Each element is the mean of the models' elements, weighted by how much each model's loss depends on it.
A parameter that no model's loss depends on becomes the plain mean.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from embedworks.errors import InputError
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters, PerModel, for_each

INPUTS = Inputs(base="optional")
HOLDS = Holds(4)
STATISTICS = "fisher"
ELEMENTWISE = True


class Parameters(MethodParameters):
    """Parameters of the method."""

    weight: PerModel[Annotated[float, Field(ge=0)]] = for_each(
        1.0, "lambda_i: how much the model counts, beside its Fisher information"
    )
    floor: float = Field(default=1e-6, gt=0, description="least value of an element of the information")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``sum_i l_i F_i W_i / sum_i l_i F_i``, which equals ``W_0 + sum_i l_i F_i d_i / sum_i l_i F_i``.

    Raises:
        InputError: for weights that are all zero.
    """
    if not any(parameters.weight):
        raise InputError("every weight is zero", expected="one above zero")
    total: Tensor | None = None
    scale: Tensor | None = None
    for index, weight in enumerate(parameters.weight):
        shares = information(group, index, parameters).mul_(weight)
        scale = shares.clone() if scale is None else scale.add_(shares)
        shares.mul_(group.read(index))
        total = shares if total is None else total.add_(shares)
        del shares  # before the next model is read
    assert total is not None, "a group has a model"
    assert scale is not None
    return total.div_(scale)


def information(group: Group, index: int, parameters: Parameters) -> Tensor:
    """A model's Fisher information of the tensor; the floor all over where none was measured."""
    measured = group.statistics(index)
    if measured is None:
        return torch.full_like(group.read(index), parameters.floor)
    return measured.clamp(min=parameters.floor)
