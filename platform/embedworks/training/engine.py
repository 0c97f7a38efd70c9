"""DeepSpeed engines: one for each phase of an objective, on CPU with gloo or GPU with NCCL."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import deepspeed
import torch
from torch import nn

from embedworks.objective import Objective
from embedworks.training.checkpoints.fragments import (
    Fragment,
    fragments,
    parameter_names,
    trained_parameters,
    undo_first_step,
)
from embedworks.training.lamb import Lamb
from embedworks.training.options import OptimizerOptions, TrainingOptions
from embedworks.training.step import Part


def deepspeed_config(options: TrainingOptions, workers: int) -> dict[str, Any]:
    """DeepSpeed's own configuration for these options."""
    return {
        "train_micro_batch_size_per_gpu": max(1, options.batch_size // workers),  # for its reports alone
        "gradient_accumulation_steps": 1,
        "gradient_clipping": options.optimizer.clip or 0.0,
        "bf16": {"enabled": options.precision == "bf16"},
        "zero_optimization": {"stage": options.zero, "overlap_comm": False},
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 10**9,  # progress is ours
    }


def parameter_groups(
    module: nn.Module, weight_decay: float, learning_rate: float, factors: Mapping[nn.Parameter, float]
) -> list[dict[str, Any]]:
    """Trainable parameters by how they are updated: matrices decay, biases, norms and scalars do not.

    Args:
        module: A phase.
        weight_decay: Of matrices.
        learning_rate: The peak, of parameters without a factor.
        factors: On the learning rate; see :meth:`.Objective.learning_rates`. Groups with factor 1 come
            first, so that the engine's own report shows the learning rate that the job names.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for parameter in filter(lambda p: p.requires_grad, module.parameters()):
        key = (factors.get(parameter, 1.0), parameter.ndim >= 2)
        groups.setdefault(key, []).append(parameter)
    order = sorted(groups, key=lambda key: (key[0] != 1, key[0], not key[1]))
    return [
        {
            "params": groups[factor, decays],
            "weight_decay": weight_decay if decays else 0.0,
            "lr": learning_rate * factor,
        }
        for factor, decays in order
    ]


def learning_rate_factors(objective: Objective) -> dict[nn.Parameter, float]:
    """The factor of every parameter that :meth:`.Objective.learning_rates` names.

    Raises:
        ValueError: for a pattern that no parameter's name matches, or two that match one.
    """
    found: dict[nn.Parameter, float] = {}
    for pattern, factor in objective.learning_rates().items():
        named = [p for name, p in objective.named_parameters() if fnmatchcase(name, pattern)]
        if not named:
            raise ValueError(f"learning_rates() has {pattern!r}, which no parameter's name matches")
        if twice := found.keys() & named:
            raise ValueError(f"learning_rates() has several factors for {len(twice)} parameters")
        found |= dict.fromkeys(named, factor)
    return found


def new_optimizer(groups: list[dict[str, Any]], wanted: OptimizerOptions) -> torch.optim.Optimizer:
    """The optimizer that the options name; learning rates and weight decay are those of the groups."""
    kind = {"adamw": torch.optim.AdamW, "lamb": Lamb}[wanted.name]
    optimizer: torch.optim.Optimizer = kind(groups, betas=wanted.betas, eps=wanted.eps)
    return optimizer


def schedule_factor(options: OptimizerOptions, steps: int) -> Callable[[int], float]:
    """step -> factor on the peak learning rate: linear warm-up, then the schedule down to zero."""
    warmup = options.warmup * steps if options.warmup < 1 else options.warmup

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        done = min(1.0, (step - warmup) / max(1.0, steps - warmup))
        if options.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))
        return 1.0 - done if options.schedule == "linear" else 1.0

    return factor


def start_engine(
    module: nn.Module,
    options: TrainingOptions,
    steps: int,
    workers: int,
    factors: Mapping[nn.Parameter, float],
) -> Any:
    """Wrap one phase: its own optimizer, schedule and gradient clipping."""
    wanted = options.optimizer
    groups = parameter_groups(module, wanted.weight_decay, wanted.learning_rate, factors)
    optimizer = new_optimizer(groups, wanted)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule_factor(wanted, steps))
    engine, *_ = deepspeed.initialize(
        model=Part(module),
        optimizer=optimizer,
        lr_scheduler=schedule,
        config=deepspeed_config(options, workers),
        dist_init_required=False,
    )
    undo_first_step(engine)
    return engine


def start_engines(
    objective: Objective, options: TrainingOptions, steps: int, workers: int
) -> dict[str, Any]:
    """An engine for each phase; under ZeRO 3 the objective learns how to gather parameters."""
    factors = learning_rate_factors(objective)
    engines = {
        name: start_engine(module, options, steps, workers, factors)
        for name, module in objective.phases().items()
    }
    if options.zero == 3:
        object.__setattr__(objective, "gathered", gathered)
    return engines


@contextlib.contextmanager
def gathered(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Make ZeRO 3's sharded parameters whole on every worker, for reading."""
    with deepspeed.zero.GatheredParameters(list(parameters), modifier_rank=None):
        yield


def full_weights(objective: Objective, engines: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Every parameter, whole and in float32, from the masters that the optimizers update.

    A collective: all workers call it. Buffers are left out: they are not trained.
    """
    names = parameter_names(objective)
    trained: dict[str, torch.Tensor] = {}
    for engine in engines.values():
        mine = {fragment.name: fragment for fragment in fragments(engine, names)}
        for parameter in trained_parameters(engine, names):
            trained[names[parameter]] = _whole_master(parameter, mine.get(names[parameter]))
    return {name: trained[name] if name in trained else _as_it_is(p) for p, name in names.items()}


def _whole_master(parameter: nn.Parameter, mine: Fragment | None) -> torch.Tensor:
    """What the workers own of a parameter, put together."""
    place: Any = parameter
    shape = getattr(place, "ds_shape", parameter.shape)  # ZeRO 3 leaves an empty tensor behind
    if mine is not None and mine.is_whole:
        return mine.master.reshape(shape).float().cpu().clone()
    flat = torch.zeros(shape.numel(), dtype=torch.float32, device=parameter.device)
    if mine is not None:
        flat.narrow(0, mine.start, mine.numel).copy_(mine.master)
    torch.distributed.all_reduce(flat)
    return flat.reshape(shape).cpu()


def _as_it_is(parameter: nn.Parameter) -> torch.Tensor:
    """A parameter that is not trained."""
    with gathered([parameter]) if hasattr(parameter, "ds_id") else contextlib.nullcontext():
        return parameter.detach().float().cpu().clone()
