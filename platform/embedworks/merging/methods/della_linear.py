"""DELLA (arXiv 2406.11617) with a weighted sum: drop by magnitude at random, without an election of signs.

An element is kept the more probably, the greater it is in its row. The paper divides each by its own
probability, which is ``rescale: inverse_keep``; the default here, as in mergekit, makes the sum of
magnitudes what it was.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from embedworks.merging.method import Group, Holds, Inputs, PerModel, for_each
from embedworks.merging.sparsify import Rescale, magprune
from embedworks.merging.task_vectors import TaskVectorParameters, merge_task_vectors

INPUTS = Inputs(base="required")
HOLDS = Holds(2)


class Parameters(TaskVectorParameters):
    """Parameters of the method."""

    rescale: Rescale = Field(
        default="l1", description="scale up what is kept: l1 (true), inverse_keep or none (false)"
    )
    epsilon: PerModel[float] = for_each(0.15, "how far the probability to be kept departs from density")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``W_0 + lambda * sum_i w_i drop(d_i)``."""

    def sparsify(delta: Tensor, model: int) -> None:
        density, epsilon = parameters.density[model], parameters.epsilon[model]
        magprune(delta, density, epsilon, parameters.rescale, group.generator(model))

    return merge_task_vectors(group, parameters, sparsify, consensus=False)
