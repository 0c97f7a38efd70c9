"""Muon: momentum whose direction is orthogonalised, for the matrices of hidden layers.

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), with the scale of Liu
et al., "Muon is Scalable for LLM Training", arXiv 2502.16982, under which AdamW's learning rate and weight
decay serve both kinds of parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Muon for groups with ``hidden: true``, AdamW for the others.

    ``m <- momentum m + g``, ``u = g + momentum m`` and ``x <- x - lr (0.2 sqrt(max(A, B)) orth(u) + wd x)``
    for a matrix of A x B, which has to be whole on every worker.

    Args:
        params: Parameter groups.
        lr: Learning rate.
        momentum: Of the hidden groups.
        betas: Of the others.
        eps: Of the others.
        weight_decay: Decoupled.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps}
        super().__init__(params, defaults | {"weight_decay": weight_decay, "hidden": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for x in group["params"]:
                if x.grad is not None:
                    x.mul_(1 - group["lr"] * group["weight_decay"])
                    (self._hidden if group["hidden"] else self._other)(x, group)
        return loss

    def _hidden(self, x: Tensor, group: dict[str, Any]) -> None:
        state, g = self.state[x], x.grad
        assert g is not None
        if not state:
            state["momentum"] = torch.zeros_like(x)
        m = state["momentum"].mul_(group["momentum"]).add_(g)
        u = orthogonalised(g.add(m, alpha=group["momentum"]))
        x.sub_(u, alpha=group["lr"] * 0.2 * max(x.shape) ** 0.5)

    def _other(self, x: Tensor, group: dict[str, Any]) -> None:
        state = self.state[x]
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(x), "exp_avg_sq": torch.zeros_like(x)}
        state["step"] += 1
        beta1, beta2 = group["betas"]
        state["exp_avg"].lerp_(x.grad, 1 - beta1)
        state["exp_avg_sq"].mul_(beta2).addcmul_(x.grad, x.grad, value=1 - beta2)
        m_hat = state["exp_avg"] / (1 - beta1 ** state["step"])
        v_hat = state["exp_avg_sq"] / (1 - beta2 ** state["step"])
        x.sub_(group["lr"] * m_hat / (v_hat.sqrt() + group["eps"]))


def orthogonalised(g_AB: Tensor) -> Tensor:
    """A matrix with g's singular vectors and singular values near 1, by five Newton-Schulz steps."""
    a, b, c = NEWTON_SCHULZ
    x: Tensor = g_AB.T if g_AB.shape[0] > g_AB.shape[1] else g_AB
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if g_AB.shape[0] > g_AB.shape[1] else x
