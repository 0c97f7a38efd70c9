"""LAMB: Adam whose step on each layer is as long as that layer's weights (You et al., arXiv 1904.00962)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class Lamb(torch.optim.Optimizer):
    """Algorithm 2 of the paper, with phi the identity.

    ``r = m_hat / (sqrt(v_hat) + eps)``, ``u = r + weight_decay * x`` and
    ``x <- x - lr * |x| / |u| * u``, where x is one matrix or larger tensor: the paper's "layer". What has
    fewer dimensions (biases, norms, a temperature) takes Adam's step, ``x <- x - lr * u``: in the authors'
    code, what is not decayed is not adapted either. So does a layer whose weights or step are all zero.

    A tensor has to be whole on every worker: norms of a shard are not the layer's. DeepSpeed keeps it
    whole under ZeRO 0 in float32 alone.

    Args:
        params: Tensors or parameter groups.
        lr: Learning rate; a step changes a layer by this share of its norm.
        betas: Decay of the first and second moments.
        eps: Added to the root of the second moment.
        weight_decay: lambda; inside the norm, so it does not lengthen the step.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)
        return loss

    def _update(self, x: Tensor, group: dict[str, Any]) -> None:
        state = self.state[x]
        if not state:
            state |= {"step": 0, "m": torch.zeros_like(x), "v": torch.zeros_like(x)}
        state["step"] += 1
        beta1, beta2 = group["betas"]
        state["m"].lerp_(x.grad, 1 - beta1)
        state["v"].mul_(beta2).addcmul_(x.grad, x.grad, value=1 - beta2)
        m_hat = state["m"] / (1 - beta1 ** state["step"])
        v_hat = state["v"] / (1 - beta2 ** state["step"])
        u = m_hat / (v_hat.sqrt() + group["eps"]) + group["weight_decay"] * x
        x.sub_(group["lr"] * (trust_ratio(x, u) * u if x.ndim >= 2 else u))


def trust_ratio(x: Tensor, u: Tensor) -> Tensor:
    """``|x| / |u|``; 1 where either is zero. No value leaves the device."""
    x_norm, u_norm = x.norm(), u.norm()
    return torch.where((x_norm > 0) & (u_norm > 0), x_norm / u_norm, torch.ones_like(x_norm))
