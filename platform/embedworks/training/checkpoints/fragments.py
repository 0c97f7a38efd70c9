"""Which stretch of which parameter a worker's optimizer owns, whatever DeepSpeed wraps it in.

A *master* is what the optimizer updates: the parameter itself in float32 without ZeRO, a float32 copy of it
in half precision, or a flat tensor into which ZeRO put stretches of many parameters. Whatever the optimizer
keeps beside it (moments, an average) has the master's shape, so one address serves them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from embedworks.training.deepspeed_import import FP16_UnfusedOptimizer

Scalar = float | int


@dataclass(frozen=True, eq=False)
class Fragment:
    """A stretch of one parameter.

    Attributes:
        name: Of the parameter, in the objective.
        start: Where the stretch begins in the flattened parameter.
        numel: Its length.
        key: The master that holds it, by which the optimizer keeps its state.
        offset: Where it begins in the flattened master.
        is_whole: Whether every worker holds the whole parameter.
    """

    name: str
    start: int
    numel: int
    key: Tensor
    offset: int
    is_whole: bool

    def view(self, tensor: Tensor) -> Tensor:
        """This stretch of a tensor of the master's shape; writing to it writes to the tensor."""
        return tensor.detach().view(-1).narrow(0, self.offset, self.numel)

    @property
    def master(self) -> Tensor:
        """The float32 values themselves."""
        return self.view(self.key)


def base_optimizer(engine: Any) -> torch.optim.Optimizer:
    """The optimizer that steps, inside whatever DeepSpeed wrapped it in."""
    optimizer: torch.optim.Optimizer = engine.basic_optimizer
    return optimizer


def fragments(engine: Any, names: Mapping[nn.Parameter, str]) -> list[Fragment]:
    """What this worker owns of the engine's trained parameters, in the order of ``names``.

    Args:
        engine: A DeepSpeed engine.
        names: Parameter -> its name; those of other engines and frozen ones may be among them.
    """
    trained = trained_parameters(engine, names)
    wrapper = engine.optimizer
    if hasattr(wrapper, "fp32_partitioned_groups_flat"):
        found = _of_zero_3(wrapper, trained, names)
    elif hasattr(wrapper, "single_partition_of_fp32_groups"):
        found = _of_flat(wrapper.single_partition_of_fp32_groups, trained, names)
    elif hasattr(wrapper, "fp32_groups_flat_partition"):
        found = _of_flat(wrapper.fp32_groups_flat_partition, trained, names)
    else:
        found = _whole(_copies(wrapper), trained, names)
    return list(found)


def parameter_names(objective: nn.Module) -> dict[nn.Parameter, str]:
    """Parameter -> its name in the objective."""
    return {parameter: name for name, parameter in objective.named_parameters()}


def trained_parameters(engine: Any, names: Mapping[nn.Parameter, str]) -> list[nn.Parameter]:
    """Those that the engine's optimizer updates, in the order of ``names``."""
    mine: set[nn.Parameter] = set(engine.module.parameters())
    return [parameter for parameter in names if parameter in mine and parameter.requires_grad]


def undo_first_step(engine: Any) -> None:
    """Take back the step with gradients of zero that DeepSpeed's half-precision wrapper makes at the start.

    It makes the optimizer's state with it, and so decays the masters and counts a step too many.
    """
    if copies := _copies(engine.optimizer):
        base_optimizer(engine).state.clear()
        for half, master in copies.items():
            master.data.copy_(half.data)


def refresh(engine: Any) -> None:
    """Make the weights that the model computes with those of the masters. A collective."""
    wrapper = engine.optimizer
    if hasattr(wrapper, "fp32_partitioned_groups_flat"):
        for group in range(len(wrapper.fp32_partitioned_groups_flat)):
            wrapper._reassign_or_swap_out_partitioned_parameters(group)
        if wrapper.persistent_parameters:
            wrapper.persistent_parameters[0].partition(wrapper.persistent_parameters)
            wrapper.persistent_parameters[0].all_gather(wrapper.persistent_parameters)
    elif hasattr(wrapper, "update_lp_params"):
        wrapper.update_lp_params()
    else:
        for half, master in _copies(wrapper).items():
            half.data.copy_(master.data)


def _of_zero_3(
    wrapper: Any, trained: list[nn.Parameter], names: Mapping[nn.Parameter, str]
) -> Iterator[Fragment]:
    for parameter in trained:
        group, offset, length = wrapper.grad_position[wrapper.get_param_id(parameter)]
        place: Any = parameter
        start = torch.distributed.get_rank() * length
        numel = min(place.ds_numel - start, length)  # the last worker's stretch ends in padding
        if numel > 0:
            master = wrapper.fp32_partitioned_groups_flat[group]
            yield Fragment(names[parameter], start, numel, master, offset, is_whole=False)


def _of_flat(
    masters: list[Tensor], trained: list[nn.Parameter], names: Mapping[nn.Parameter, str]
) -> Iterator[Fragment]:
    for parameter in trained:
        place: Any = parameter
        if place._hp_mapping is not None:  # None: other workers own all of it
            there, here = place._hp_mapping.lp_fragment_address, place._hp_mapping.hp_fragment_address
            master = masters[place._hp_mapping.param_group_index]
            yield Fragment(names[parameter], there.start, there.numel, master, here.start, is_whole=False)


def _whole(
    copies: Mapping[nn.Parameter, Tensor], trained: list[nn.Parameter], names: Mapping[nn.Parameter, str]
) -> Iterator[Fragment]:
    for parameter in trained:
        master = copies.get(parameter, parameter)
        yield Fragment(names[parameter], 0, master.numel(), master, 0, is_whole=True)


def _copies(wrapper: Any) -> dict[nn.Parameter, Tensor]:
    """Half-precision parameter -> its float32 copy; empty where the optimizer updates the parameters."""
    if not isinstance(wrapper, FP16_UnfusedOptimizer):
        return {}
    return {
        half: master
        for halves, masters in zip(wrapper.fp16_groups, wrapper.fp32_groups, strict=True)
        for half, master in zip(halves, masters, strict=True)
    }
