"""The state of training, taken from the engines into host memory and put back into others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from embedworks.objective import Objective
from embedworks.training.checkpoints.files import Parts
from embedworks.training.checkpoints.fragments import (
    Fragment,
    base_optimizer,
    fragments,
    parameter_names,
    refresh,
)

MASTER = "master"
AVERAGE = "average"
BUFFER = "buffer"

Scalars = dict[str, dict[str, Any]]


@dataclass
class Snapshot:
    """What one worker writes.

    Attributes:
        stretches: (parameter, kind of state, start) -> a flat tensor on the CPU.
        tensors: (name, kind of state) -> a tensor of any shape, with no other part.
        scalars: Parameter -> kind of state -> number.
        engines: Phase -> what its engine counts.
    """

    stretches: dict[tuple[str, str, int], Tensor] = field(default_factory=dict)
    tensors: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    scalars: Scalars = field(default_factory=dict)
    engines: dict[str, dict[str, Any]] = field(default_factory=dict)


def take_snapshot(
    objective: Objective,
    engines: Mapping[str, Any],
    rank: int,
    workers: int,
    averages: Mapping[tuple[str, int], Tensor] | None = None,
) -> Snapshot:
    """Copy what this worker owns; what all of them have is shared out among them. No communication.

    Args:
        objective: What is trained.
        engines: Phase -> its engine.
        rank: This worker.
        workers: How many there are.
        averages: (parameter, start) -> the average of a stretch.
    """
    names = parameter_names(objective)
    taken = Snapshot(engines={name: counters(engine) for name, engine in engines.items()})
    for engine in engines.values():
        state = base_optimizer(engine).state
        for number, fragment in enumerate(fragments(engine, names)):
            if not fragment.is_whole or number % workers == rank:
                _take(taken, fragment, state.get(fragment.key, {}))
                if averages:
                    average = averages[fragment.name, fragment.start]
                    taken.stretches[fragment.name, AVERAGE, fragment.start] = _copy(average)
    if rank == 0:
        taken.tensors |= {(name, BUFFER): _copy(value) for name, value in buffers(objective).items()}
    return taken


def _take(taken: Snapshot, fragment: Fragment, state: Mapping[str, Any]) -> None:
    taken.stretches[fragment.name, MASTER, fragment.start] = _copy(fragment.master)
    for kind, value in state.items():
        if not isinstance(value, Tensor) or value.ndim == 0:
            number = value.item() if isinstance(value, Tensor) else value
            taken.scalars.setdefault(fragment.name, {})[kind] = [isinstance(value, Tensor), number]
        elif value.numel() == fragment.key.numel():
            taken.stretches[fragment.name, kind, fragment.start] = _copy(fragment.view(value))
        else:
            # Only where the parameter is whole: options refuse such optimizers under ZeRO.
            assert fragment.is_whole, f"{kind} of {fragment.name} cannot be cut"
            taken.tensors[fragment.name, kind] = _copy(value)


def restore_snapshot(
    objective: Objective,
    engines: Mapping[str, Any],
    parts: Parts,
    averages: Mapping[tuple[str, int], Tensor] | None = None,
) -> None:
    """Put a checkpoint's state into new engines, whatever engines it came from. A collective.

    Averages that the checkpoint lacks start from its weights.

    Raises:
        CheckpointError: if the files do not hold all of a parameter.
    """
    names = parameter_names(objective)
    for phase, engine in engines.items():
        by_key: dict[Tensor, list[Fragment]] = {}
        for fragment in fragments(engine, names):
            by_key.setdefault(fragment.key, []).append(fragment)
        optimizer = base_optimizer(engine)
        optimizer.state.clear()
        for key, here in by_key.items():
            for fragment in here:
                fragment.master.copy_(parts.stretch(fragment.name, MASTER, fragment.start, fragment.numel))
            if state := _state_of(key, here, parts, optimizer.defaults):
                optimizer.state[key] = state
        refresh(engine)
        set_counters(engine, parts.engines[phase])
    for (name, start), average in (averages or {}).items():
        kind = AVERAGE if AVERAGE in parts.kinds(name) else MASTER
        average.copy_(parts.stretch(name, kind, start, average.numel()))
    for name, buffer in buffers(objective).items():
        buffer.copy_(parts.tensor(name, BUFFER))


def _state_of(
    key: Tensor, here: Iterable[Fragment], parts: Parts, options: Mapping[str, Any]
) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for fragment in here:
        for kind in parts.kinds(fragment.name):
            if kind in (MASTER, AVERAGE):
                continue
            if kind not in state:
                state[kind] = torch.zeros_like(key, dtype=parts.dtype(fragment.name, kind))
            fragment.view(state[kind]).copy_(
                parts.stretch(fragment.name, kind, fragment.start, fragment.numel)
            )
        state |= {
            k: parts.tensor(fragment.name, k).to(key.device) for k in parts.whole_kinds(fragment.name)
        }
        for kind, (is_tensor, number) in parts.scalars.get(fragment.name, {}).items():
            on_device = options.get("fused") or options.get("capturable")
            state[kind] = (
                torch.tensor(number, dtype=torch.float32, device=key.device if on_device else "cpu")
                if is_tensor
                else number
            )
    return state


def counters(engine: Any) -> dict[str, Any]:
    """What the engine counts beside tensors: steps, the schedule, the loss scale."""
    scaler = getattr(engine.optimizer, "loss_scaler", None)
    return {
        "steps": engine.global_steps,
        "skipped": engine.skipped_steps,
        "schedule": engine.lr_scheduler.last_epoch,
        "scaler": {k: v for k, v in vars(scaler).items() if isinstance(v, bool | int | float)}
        if scaler is not None
        else {},
    }


def set_counters(engine: Any, saved: Mapping[str, Any]) -> None:
    """Put :func:`counters` back."""
    engine.global_steps, engine.skipped_steps = saved["steps"], saved["skipped"]
    engine.lr_scheduler.move_to(saved["schedule"])
    scaler = getattr(engine.optimizer, "loss_scaler", None)
    if scaler is not None:
        vars(scaler).update(saved["scaler"])


def buffers(objective: Objective) -> dict[str, Tensor]:
    """The buffers that the objective wants to keep: queues, averages."""
    kept = objective.state_dict(keep_vars=True)
    return {name: buffer for name, buffer in objective.named_buffers() if name in kept}


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()
