"""Task arithmetic (arXiv 2212.04089): a weighted sum of task vectors, added to the base.

A negative weight takes a task away. What mergekit lets a file say of sparsifying is accepted and changes
nothing.
"""

from __future__ import annotations

from torch import Tensor

from embedworks.merging.method import Group, Holds, Inputs
from embedworks.merging.task_vectors import TaskVectorParameters, merge_task_vectors

INPUTS = Inputs(base="required")
HOLDS = Holds(2)
ELEMENTWISE = True


class Parameters(TaskVectorParameters):
    """Parameters of the method."""


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``W_0 + lambda * sum_i w_i d_i``, the sum divided by ``sum_i w_i`` if ``normalize``."""

    def sparsify(delta: Tensor, model: int) -> None:
        pass

    return merge_task_vectors(group, parameters, sparsify, consensus=False)
