"""One model's tensors as they are, or scaled: to stack layers of several models into a deeper one."""

from __future__ import annotations

from torch import Tensor

from embedworks.merging.method import Group, Holds, Inputs, MethodParameters, PerModel, for_each

INPUTS = Inputs(base="member", most=1)
HOLDS = Holds(1)
ELEMENTWISE = True


class Parameters(MethodParameters):
    """Parameters of the method."""

    scale: PerModel[float | None] = for_each(None, "factor; without one, a copy")


def merge(group: Group, parameters: Parameters) -> Tensor:
    """``scale * W_1``."""
    tensor = group.read(0)
    return tensor if parameters.scale[0] is None else tensor.mul_(parameters.scale[0])
