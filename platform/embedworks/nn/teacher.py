"""A network that is only asked: it has no gradient, no optimizer, and no place in a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Teacher(nn.Module):
    """Holds a network so that its objective does not know its parameters.

    The training engine sees neither parameters nor buffers of it: ZeRO does not cut them, the optimizer
    keeps no state for them, mixed precision leaves their dtype alone and checkpoints leave them out. It
    moves to the device that its objective moves to, and stays in evaluation mode.

    Args:
        network: What is asked; its parameters are frozen.

    Example:
        >>> teacher = Teacher(nn.Linear(3, 2))
        >>> list(teacher.parameters())
        []
        >>> teacher(torch.ones(1, 3)).requires_grad
        False
    """

    network: nn.Module

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        object.__setattr__(self, "network", network.eval().requires_grad_(False))

    @torch.no_grad()
    def forward(self, *arguments: Any, **named: Any) -> Any:
        """What the network says."""
        return self.network(*arguments, **named)

    @torch.no_grad()
    def follow(self, student: nn.Module, momentum: float) -> None:
        """Move towards a student of the same shape: ``w <- momentum * w + (1 - momentum) * w_student``.

        Buffers are copied. Under ZeRO 3 the student's parameters have to be whole: wrap the call in
        :attr:`.Objective.gathered`.
        """
        theirs = dict(student.named_parameters())
        for name, mine in self.network.named_parameters():
            mine.lerp_(theirs[name].detach().to(mine.dtype), 1 - momentum)
        values = dict(student.named_buffers())
        for name, buffer in self.network.named_buffers():
            buffer.copy_(values[name])

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Teacher:
        """Follow the objective to its device, and keep the dtype."""
        for tensor in (*self.network.parameters(), *self.network.buffers()):
            self.network.to(fn(tensor.new_empty(0)).device)
            break
        super()._apply(fn, recurse)
        return self
