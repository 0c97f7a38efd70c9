"""The temperature of a contrastive loss: fixed or trained, as it is or by its logarithm, within limits."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


class Temperature(nn.Module):
    """sigma, which divides similarities; both directions of a loss have to read the same one.

    Args:
        initial: Where it starts, above 0.
        learned: Trained as an ordinary scalar, or fixed.
        log: Train its logarithm (CLIP), whose steps are shares of sigma, or sigma itself (ALIGN).
        minimum: It never reads lower.
        maximum: It never reads higher.

    Example:
        >>> float(Temperature(0.07, log=True)())
        0.07000000029802322
    """

    value: Tensor

    def __init__(
        self,
        initial: float,
        *,
        learned: bool = True,
        log: bool = False,
        minimum: float = 0.0,
        maximum: float = math.inf,
    ) -> None:
        super().__init__()
        self.log = log
        self.limits = (minimum, maximum)
        # A vector of one number: DeepSpeed sends parameters as bytes, and views no scalar as such.
        value = torch.tensor([math.log(initial) if log else float(initial)])
        if learned:
            self.value = nn.Parameter(value)
        else:
            self.register_buffer("value", value)

    def forward(self) -> Tensor:
        """sigma as a scalar in float32.

        Beyond a limit it reads as the limit, and lets through only the gradient that leads back: an
        ordinary clamp would hold it there for ever.
        """
        value = self.value.float().squeeze()
        sigma: Tensor = _Clamp.apply(value.exp() if self.log else value, *self.limits)
        return sigma


class _Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, minimum: float, maximum: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.limits = minimum, maximum
        return x.clamp(minimum, maximum)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (x,), (minimum, maximum), gradient = ctx.saved_tensors, ctx.limits, gradients[0]
        # Descent moves against the gradient: a positive one lowers x.
        leads_out = ((x <= minimum) & (gradient > 0)) | ((x >= maximum) & (gradient < 0))
        return gradient.masked_fill(leads_out, 0.0), None, None
