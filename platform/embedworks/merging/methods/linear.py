"""Linear merging, also called a soup, an average or, of two models, WiSE-FT (arXiv 2203.05482).

The weighted mean of the models. A base that is named is one more model, and needs a weight as they do.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from embedworks.errors import InputError
from embedworks.merging.combine import weighted_sum
from embedworks.merging.method import Group, Holds, Inputs, MethodParameters, PerModel

INPUTS = Inputs(base="member")
HOLDS = Holds(2)
ELEMENTWISE = True


class Parameters(MethodParameters):
    """Parameters of the method."""

    weight: PerModel[float] = Field(description="share of the model")
    normalize: bool = Field(default=True, description="divide by the sum of the weights")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``sum_i w_i W_i``, divided by ``sum_i w_i`` if ``normalize``.

    Raises:
        InputError: for weights that cancel out.
    """
    scale = sum(parameters.weight) if parameters.normalize else 1.0
    if abs(scale) < 1e-8:
        raise InputError(
            "the weights sum to zero", where=group.name, expected="another sum, or normalize: false"
        )
    return weighted_sum(group, [weight / scale for weight in parameters.weight])
