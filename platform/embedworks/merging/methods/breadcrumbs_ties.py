"""Model Breadcrumbs (arXiv 2312.06795) with the sign election of TIES (arXiv 2306.01708).

``gamma`` is the paper's beta, the share of outliers.
"""

from __future__ import annotations

from torch import Tensor

from embedworks.merging.method import Group, Holds, Inputs, PerModel, for_each
from embedworks.merging.sparsify import outliers
from embedworks.merging.task_vectors import Share, TaskVectorParameters, merge_task_vectors

INPUTS = Inputs(base="required")
HOLDS = Holds(2, per_model=1)


class Parameters(TaskVectorParameters):
    """Parameters of the method."""

    gamma: PerModel[Share] = for_each(0.01, "share of the greatest elements, dropped first")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``W_0 + lambda * sum over the models that agree in sign of w_i S(d_i)``."""

    def sparsify(delta: Tensor, model: int) -> None:
        density, gamma = parameters.density[model], parameters.gamma[model]
        outliers(delta, density, gamma, parameters.rescale)

    return merge_task_vectors(group, parameters, sparsify, consensus=True)
