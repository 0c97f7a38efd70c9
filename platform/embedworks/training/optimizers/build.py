"""The optimizer that a job names."""

from __future__ import annotations

from typing import Any

import torch

from embedworks.training.optimizer_options import OptimizerOptions
from embedworks.training.optimizers.lamb import Lamb
from embedworks.training.optimizers.muon import Muon


def new_optimizer(groups: list[dict[str, Any]], options: OptimizerOptions) -> torch.optim.Optimizer:
    """Learning rates and weight decay are those of the groups."""
    betas, eps, momentum = options.betas, options.eps, options.momentum
    match options.name:
        case "adamw":
            return torch.optim.AdamW(groups, betas=betas, eps=eps, fused=True)
        case "adam":
            return torch.optim.Adam(groups, betas=betas, eps=eps, fused=True)
        case "sgd":
            return torch.optim.SGD(groups, lr=options.learning_rate, momentum=momentum, fused=True)
        case "lamb":
            return Lamb(groups, betas=betas, eps=eps)
        case "muon":
            return Muon(groups, momentum=momentum, betas=betas, eps=eps)
        case "adafactor":
            return torch.optim.Adafactor(groups, lr=options.learning_rate)
