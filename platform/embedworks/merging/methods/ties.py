"""TIES merging (arXiv 2306.01708): trim, elect signs, merge what agrees.

Of each task vector the elements of greatest magnitude are kept, per tensor; the sign of their weighted sum
is elected, and the weighted mean of those that have it is added to the base. The paper keeps 0.2 of the
elements; the default here, as in mergekit, keeps them all.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from embedworks.merging.method import Group, Holds, Inputs
from embedworks.merging.sparsify import magnitude
from embedworks.merging.task_vectors import TaskVectorParameters, merge_task_vectors

INPUTS = Inputs(base="required")
HOLDS = Holds(2, per_model=1)


class Parameters(TaskVectorParameters):
    """Parameters of the method."""

    normalize: bool = Field(default=True, description="divide by the sum of the weights")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``W_0 + lambda * mean over the models that agree in sign of w_i trim(d_i)``."""

    def sparsify(delta: Tensor, model: int) -> None:
        magnitude(delta, parameters.density[model], parameters.rescale, group.notes)

    return merge_task_vectors(group, parameters, sparsify, consensus=True)
