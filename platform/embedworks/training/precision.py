"""What `precision: auto` means on the machines that are there."""

from __future__ import annotations

import torch
import torch.distributed as dist

from embedworks.nn.precision import has_fast_bf16
from embedworks.training.optimizer_options import WHOLE_TENSORS
from embedworks.training.options import TrainingOptions


def settled(options: TrainingOptions, device: torch.device) -> TrainingOptions:
    """The options with `auto` replaced: bf16 where every worker multiplies it in hardware, else fp32.

    Emulated bfloat16 is several times slower than float32. A collective where it is `auto`.
    """
    if options.precision != "auto":
        return options
    fast = options.optimizer.name not in WHOLE_TENSORS and everywhere(has_fast_bf16(device), device)
    return options.model_copy(update={"precision": "bf16" if fast else "fp32"})


def everywhere(value: bool, device: torch.device) -> bool:
    """Whether ``value`` is true on all workers; a collective."""
    if not dist.is_initialized():
        return value
    least = torch.tensor(int(value), device=device)
    dist.all_reduce(least, op=dist.ReduceOp.MIN)
    return bool(least)
