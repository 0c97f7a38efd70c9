"""DeepSpeed engines: one for each phase of an objective, on CPU with gloo or GPU with NCCL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from embedworks.errors import InputError
from embedworks.objective import Objective
from embedworks.training.checkpoints.fragments import (
    Fragment,
    fragments,
    parameter_names,
    trained_parameters,
    undo_first_step,
)
from embedworks.training.deepspeed_config import deepspeed_config
from embedworks.training.deepspeed_import import deepspeed
from embedworks.training.ema import Average
from embedworks.training.lora import add_lora
from embedworks.training.optimizers.build import new_optimizer
from embedworks.training.optimizers.groups import (
    Treatment,
    encoders,
    freeze,
    parameter_groups,
    treatments,
)
from embedworks.training.optimizers.schedule import Schedule
from embedworks.training.options import TrainingOptions
from embedworks.training.step import Part


def start_engine(
    module: nn.Module,
    options: TrainingOptions,
    steps: int,
    workers: int,
    treated: Mapping[nn.Parameter, Treatment],
) -> Any:
    """Wrap one phase: its own optimizer, schedule and gradient clipping."""
    optimizer = new_optimizer(parameter_groups(module, options.optimizer, treated), options.optimizer)
    engine, *_ = deepspeed.initialize(
        model=Part(module),
        optimizer=optimizer,
        lr_scheduler=Schedule(optimizer, options.optimizer, steps),
        config=deepspeed_config(options, workers),
        dist_init_required=False,
    )
    undo_first_step(engine)
    return engine


def start_engines(
    objective: Objective, options: TrainingOptions, steps: int, workers: int
) -> dict[str, Any]:
    """An engine for each phase; under ZeRO 3 the objective learns how to gather parameters.

    Raises:
        InputError: for options that the objective cannot follow.
    """
    phases = objective.phases()
    check_phases(options, phases)
    add_lora(objective, options.lora)
    prepare_encoders(objective, options)
    engines = {}
    for name, module in phases.items():
        own = options.of_phase(name)
        freeze(objective, own.optimizer.groups, module)
        treated = treatments(objective, own.optimizer)
        engines[name] = start_engine(module, own, steps, workers, treated)
    if options.zero == 3:
        object.__setattr__(objective, "gathered", gathered)
    return engines


def check_phases(options: TrainingOptions, phases: Mapping[str, nn.Module]) -> None:
    """Refuse an optimizer for a phase that there is not.

    Raises:
        InputError: with the nearest one.
    """
    for name in options.phase_optimizers:
        if name not in phases:
            what = f"phase_optimizers has {name!r}, which this system has not"
            raise InputError(what, expected=", ".join(phases), name=name, known=phases)


def prepare_encoders(objective: Objective, options: TrainingOptions) -> None:
    """Checkpoint activations and compile, in place: names of parameters stay.

    Raises:
        InputError: if there is no encoder, or none that can.
    """
    found = encoders(objective)
    for key in ("activation_checkpointing", "compile"):
        if getattr(options, key) and not found:
            raise InputError(f"{key} is set, and this system has no encoder that it applies to")
    for encoder in found:
        if options.activation_checkpointing:
            if not encoder.supports_gradient_checkpointing:
                kind = type(encoder).__name__
                raise InputError(f"activation_checkpointing is set, and a {kind} cannot do it")
            encoder.gradient_checkpointing_enable({"use_reentrant": False})
        if options.compile:
            encoder.compile(dynamic=True)


@contextlib.contextmanager
def gathered(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Make ZeRO 3's sharded parameters whole on every worker, for reading."""
    with deepspeed.zero.GatheredParameters(list(parameters), modifier_rank=None):
        yield


def full_weights(
    objective: Objective, engines: Mapping[str, Any], average: Average | None = None
) -> dict[str, torch.Tensor]:
    """Every parameter, whole and in float32, from the masters that the optimizers update or their average.

    A collective: all workers call it. Buffers are left out: they are not trained.
    """
    names = parameter_names(objective)
    trained: dict[str, torch.Tensor] = {}
    averages = average.stretches() if average else {}
    for engine in engines.values():
        mine = {fragment.name: fragment for fragment in fragments(engine, names)}
        for parameter in trained_parameters(engine, names):
            fragment = mine.get(names[parameter])
            own = averages.get((fragment.name, fragment.start), fragment.master) if fragment else None
            trained[names[parameter]] = _whole(parameter, fragment, own)
    return {name: trained[name] if name in trained else _as_it_is(p) for p, name in names.items()}


def _whole(parameter: nn.Parameter, mine: Fragment | None, own: torch.Tensor | None) -> torch.Tensor:
    """What the workers own of a parameter, put together."""
    place: Any = parameter
    shape = getattr(place, "ds_shape", parameter.shape)  # ZeRO 3 leaves an empty tensor behind
    if mine is not None and own is not None and mine.is_whole:
        return own.reshape(shape).float().cpu().clone()
    flat = torch.zeros(shape.numel(), dtype=torch.float32, device=parameter.device)
    if mine is not None and own is not None:
        flat.narrow(0, mine.start, mine.numel).copy_(own)
    torch.distributed.all_reduce(flat)
    return flat.reshape(shape).cpu()


def _as_it_is(parameter: nn.Parameter) -> torch.Tensor:
    """A parameter that is not trained."""
    with gathered([parameter]) if hasattr(parameter, "ds_id") else contextlib.nullcontext():
        return parameter.detach().float().cpu().clone()
