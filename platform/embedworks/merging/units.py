"""The work of a merge in units: whole tensors, or ranges of elements where the method allows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from torch import Tensor

from embedworks.merging.method import Group
from embedworks.merging.plan import OutputTensor, Plan
from embedworks.merging.tensors import TensorSource

# Elements of a range. Its few copies in float32 stay in a core's cache and in the allocator's free lists;
# ranges of 4 Mi elements were half as fast, because each of their copies is mapped and zeroed anew.
PIECE = 1 << 18

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Unit:
    """Elements of one output tensor that are merged at once.

    Attributes:
        number: Its position in the plan's units, by which the journal knows it.
        tensor: Position of the tensor in the plan.
        start: First element of the flattened tensor.
        stop: The element after the last.
    """

    number: int
    tensor: int
    start: int
    stop: int


def plan_units(plan: Plan, method: ModuleType) -> list[Unit]:
    """The units of a plan, in its order; they depend on nothing else, so that a journal can name them."""
    spans = []
    for index, tensor in enumerate(plan.tensors):
        step = PIECE if _is_divisible(tensor, method) else tensor.elements
        for start in range(0, tensor.elements, max(step, 1)):
            spans.append((index, start, min(start + step, tensor.elements)))
    return [Unit(number, *span) for number, span in enumerate(spans)]


def _is_divisible(tensor: OutputTensor, method: ModuleType) -> bool:
    if tensor.parameters is None:
        return True
    given = [*tensor.sources, tensor.base, *tensor.statistics]
    shapes = {source.shape for source in given if source is not None}
    return getattr(method, "ELEMENTWISE", False) and shapes == {tensor.shape}


def unit_bytes(unit: Unit, plan: Plan) -> int:
    """Bytes that a unit takes in the result."""
    return (unit.stop - unit.start) * plan.tensors[unit.tensor].dtype.itemsize


def held_bytes(unit: Unit, plan: Plan, method: ModuleType) -> int:
    """An estimate of the most bytes that merging a unit holds at once.

    That is what the method ``HOLDS`` and the base, in float32, one tensor as it is stored and the result as
    it is written.
    """
    tensor = plan.tensors[unit.tensor]
    given = [*tensor.sources, *([tensor.base] if tensor.base else [])]
    an_element = max(source.dtype.itemsize for source in given) + tensor.dtype.itemsize
    if tensor.parameters is not None:
        copies = method.HOLDS.tensors(len(tensor.sources)) + (tensor.base is not None)
        an_element += FLOAT_BYTES * copies
    return (unit.stop - unit.start) * an_element


def contiguous_parts(units: Sequence[Unit], plan: Plan, parts: int) -> list[list[Unit]]:
    """Divide units into contiguous parts of about as many bytes, none of them empty."""
    total = sum(unit_bytes(unit, plan) for unit in units)
    divided: list[list[Unit]] = [[] for _ in range(parts)]
    before = 0
    for unit in units:
        divided[min(before * parts // max(total, 1), parts - 1)].append(unit)
        before += unit_bytes(unit, plan)
    return [part for part in divided if part]


def merge_unit(unit: Unit, plan: Plan, method: ModuleType) -> tuple[Tensor, list[str]]:
    """Merge a unit.

    Returns:
        Its elements, one-dimensional and of the output's type, and what the method has to say.
    """
    tensor = plan.tensors[unit.tensor]
    if tensor.parameters is None:
        return tensor.sources[0].read(unit.start, unit.stop).to(tensor.dtype), []
    group = Group(
        tensor.name,
        tensor.models,
        lambda index: _load(tensor.sources[index], unit, tensor),
        _load(tensor.base, unit, tensor) if tensor.base else None,
        plan.seed,
        lambda index: _statistic(tensor, index, unit),
    )
    result = method.merge(group, tensor.parameters)
    assert result.numel() == unit.stop - unit.start, f"{plan.method} changed the shape"
    return result.to(tensor.dtype).reshape(-1), group.notes


def _load(source: TensorSource, unit: Unit, tensor: OutputTensor) -> Tensor:
    if unit.stop - unit.start < tensor.elements:
        return source.read(unit.start, unit.stop).float()
    return source.read().float().view(source.shape)


def _statistic(tensor: OutputTensor, index: int, unit: Unit) -> Tensor | None:
    source = tensor.statistics[index] if tensor.statistics else None
    return None if source is None else _load(source, unit, tensor)
