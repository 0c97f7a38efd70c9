"""DARE (arXiv 2311.03099) with the sign election of TIES (arXiv 2306.01708).

Elements of the task vectors are dropped at random and the rest is rescaled, before signs are elected. The
paper divides by ``density``, which is ``rescale: inverse_keep``; the default, as in mergekit, keeps the
sum of magnitudes.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from embedworks.merging.method import Group, Holds, Inputs
from embedworks.merging.sparsify import Rescale, random
from embedworks.merging.task_vectors import TaskVectorParameters, merge_task_vectors

INPUTS = Inputs(base="required")
HOLDS = Holds(0, per_model=1)


class Parameters(TaskVectorParameters):
    """Parameters of the method."""

    rescale: Rescale = Field(
        default="l1", description="scale up what is kept: l1 (true), inverse_keep or none (false)"
    )


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``W_0 + lambda * sum over the models that agree in sign of w_i drop(d_i)``."""

    def sparsify(delta: Tensor, model: int) -> None:
        random(delta, parameters.density[model], parameters.rescale, group.generator(model))

    return merge_task_vectors(group, parameters, sparsify, consensus=True)
