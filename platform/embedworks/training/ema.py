"""An exponential moving average of the weights, of which every worker keeps what its optimizers own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from embedworks.objective import Objective
from embedworks.training.checkpoints.fragments import Fragment, fragments, parameter_names

Address = tuple[str, int]  # a parameter's name, and where the stretch begins in it


class Average:
    """``avg <- decay * avg + (1 - decay) * weights`` after every step, from the weights at the start on.

    It is kept in float32 beside the masters, sharded as they are, and neither communicates nor touches the
    optimizer.

    Args:
        objective: What is trained.
        engines: Phase -> its engine.
        decay: Close to 1; about ``1 / (1 - decay)`` steps are in the average.
    """

    def __init__(self, objective: Objective, engines: Mapping[str, Any], decay: float) -> None:
        names = parameter_names(objective)
        self.decay = decay
        self._owned: list[Fragment] = [
            one for engine in engines.values() for one in fragments(engine, names)
        ]
        self._averages = [one.master.clone() for one in self._owned]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        masters = [fragment.master for fragment in self._owned]
        torch._foreach_lerp_(self._averages, masters, 1 - self.decay)

    def stretches(self) -> dict[Address, Tensor]:
        """(parameter, start) -> the average of the stretch that this worker owns."""
        pairs = zip(self._owned, self._averages, strict=True)
        return {(fragment.name, fragment.start): average for fragment, average in pairs}
