"""DeepSpeed engines: one for each phase of an objective, on CPU with gloo or GPU with NCCL."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import deepspeed
import torch
from torch import nn

from embedworks.objective import Objective
from embedworks.training.options import OptimizerOptions, TrainingOptions


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


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: matrices decay, biases, norms and scalars do not."""
    trainable = [p for p in module.parameters() if p.requires_grad]
    matrices = [p for p in trainable if p.ndim >= 2]
    others = [p for p in trainable if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


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


def start_engine(module: nn.Module, options: TrainingOptions, steps: int, workers: int) -> Any:
    """Wrap one phase: its own optimizer, schedule and gradient clipping."""
    wanted = options.optimizer
    optimizer = torch.optim.AdamW(
        parameter_groups(module, wanted.weight_decay),
        lr=wanted.learning_rate,
        betas=wanted.betas,
        eps=wanted.eps,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule_factor(wanted, steps))
    engine, *_ = deepspeed.initialize(
        model=module,
        optimizer=optimizer,
        lr_scheduler=schedule,
        config=deepspeed_config(options, workers),
        dist_init_required=False,
    )
    return engine


def start_engines(
    objective: Objective, options: TrainingOptions, steps: int, workers: int
) -> dict[str, Any]:
    """An engine for each phase; under ZeRO 3 the objective learns how to gather parameters."""
    engines = {
        name: start_engine(module, options, steps, workers) for name, module in objective.phases().items()
    }
    if options.zero == 3:
        object.__setattr__(objective, "gathered", gathered)
    return engines


@contextlib.contextmanager
def gathered(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Make ZeRO 3's sharded parameters whole on every worker, for reading."""
    with deepspeed.zero.GatheredParameters(list(parameters), modifier_rank=None):
        yield


def full_weights(objective: Objective) -> dict[str, torch.Tensor]:
    """Every parameter, whole and in float32 (the optimizer's master copy where there is one).

    A collective: all workers call it. Buffers are left out: they are not trained.
    """
    weights = {}
    for name, parameter in objective.named_parameters():
        master = deepspeed.utils.safe_get_full_fp32_param(parameter)
        if master is None:
            with gathered([parameter]) if hasattr(parameter, "ds_id") else contextlib.nullcontext():
                master = parameter.detach().clone()
        weights[name] = master.detach().float().cpu().clone()
    return weights
