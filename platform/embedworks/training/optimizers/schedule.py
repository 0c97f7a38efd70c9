"""How learning rates and weight decay change from step to step."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.optim.lr_scheduler import LambdaLR

from embedworks.training.optimizer_options import OptimizerOptions

Factor = Callable[[int], float]


class Schedule(LambdaLR):
    """Both, as functions of the step alone.

    Args:
        optimizer: Its groups' rates are the peaks.
        options: The schedule.
        steps: Of the whole stage.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, options: OptimizerOptions, steps: int) -> None:
        self._decays = [group["weight_decay"] for group in optimizer.param_groups]
        self._decay_factor = weight_decay_factor(options, steps)
        super().__init__(optimizer, schedule_factor(options, steps))

    def step(self, epoch: int | None = None) -> None:
        """To the next step."""
        super().step(epoch)
        self._decay()

    def move_to(self, step: int) -> None:
        """To any step, as a restart does."""
        self.last_epoch = step
        rates = [base * f(step) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = rates
        self._decay()

    def _decay(self) -> None:
        factor = self._decay_factor(self.last_epoch)
        for group, decay in zip(self.optimizer.param_groups, self._decays, strict=True):
            group["weight_decay"] = decay * factor


def schedule_factor(options: OptimizerOptions, steps: int) -> Factor:
    """step -> factor on the peak learning rate: linear warm-up, then down to ``minimum``."""
    warmup = count(options.warmup, steps)
    marks = [count(mark, steps) for mark in options.milestones]
    flat = steps - options.decay * steps

    def shape(step: int) -> float:
        done = min(1.0, (step - warmup) / max(1.0, steps - warmup))
        if options.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))
        if options.schedule == "linear":
            return 1.0 - done
        if options.schedule == "wsd":
            return min(1.0, max(0.0, (steps - step) / max(1.0, steps - flat)))
        return 1.0

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if options.schedule == "milestones":
            return max(options.minimum, options.gamma ** sum(step >= mark for mark in marks))
        return options.minimum + (1 - options.minimum) * shape(step)

    return factor


def weight_decay_factor(options: OptimizerOptions, steps: int) -> Factor:
    """step -> factor on the weight decay: along half a cosine to ``weight_decay_end``."""
    if options.weight_decay_end is None or options.weight_decay == 0:
        return lambda _: 1.0
    ratio = options.weight_decay_end / options.weight_decay
    return lambda step: ratio + (1 - ratio) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(1, steps))))


def count(value: float, steps: int) -> float:
    """Steps; a share of all of them below 1."""
    return value * steps if value < 1 else value
