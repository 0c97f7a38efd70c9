"""Merging a few tensors that are in memory, and the most memory that it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from embedworks.merging.method import Group, find_method

PARAMETERS: dict[str, dict[str, Any]] = {
    "arcee_fusion": {},
    "breadcrumbs": {"weight": 0.5, "density": 0.4},
    "breadcrumbs_ties": {"weight": 0.5, "density": 0.4},
    "dare_linear": {"weight": 0.5, "density": 0.4},
    "dare_ties": {"weight": 0.5, "density": 0.4},
    "della": {"weight": 0.5, "density": 0.4},
    "della_linear": {"weight": 0.5, "density": 0.4},
    "karcher": {},
    "linear": {"weight": 0.5},
    "model_stock": {},
    "multislerp": {"weight": 0.5},
    "nearswap": {"t": 0.1},
    "nuslerp": {"weight": 0.5},
    "passthrough": {"scale": 2},
    "ram": {"epsilon": 0.5},
    "ramplus_tl": {"epsilon": 0.5, "alpha": 9},
    "sce": {"select_topk": 0.4},
    "slerp": {"t": 0.3},
    "task_arithmetic": {"weight": 0.5},
    "ties": {"weight": 0.5, "density": 0.4},
    "uniform_soup": {},
}
"""What each method is tried with where any parameters do."""


def merged(
    method: str,
    tensors: Sequence[Any],
    base: Any = None,
    notes: list[str] | None = None,
    name: str = "weight",
    **parameters: Any,
) -> Tensor:
    """Tensors, or lists of numbers, merged."""
    module = find_method(method)
    group = Group.of(
        [torch.as_tensor(t) for t in tensors],
        None if base is None else torch.as_tensor(base, dtype=torch.float32),
        notes=[] if notes is None else notes,
        name=name,
    )
    return module.merge(group, module.Parameters.of(len(tensors), **parameters))


def inputs(method: str, shape: Sequence[int], models: int = 3) -> tuple[list[Tensor], Tensor | None]:
    """Random tensors for a method, as many as it takes, and a base where it needs one."""
    needs = find_method(method).INPUTS
    generator = torch.Generator().manual_seed(0)
    most = 2 if needs.base == "end" else needs.most
    tensors = [torch.randn(tuple(shape), generator=generator) for _ in range(min(models, most or models))]
    base = torch.randn(tuple(shape), generator=generator) if needs.base == "required" else None
    return tensors, base


def peak_bytes(call: Callable[[], object]) -> int:
    """The most memory of tensors that a call holds at once, beside what there was before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        kept = call()
    del kept
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most
