"""Espresso (ESE, arXiv 2402.14776 from its second version on): every layer at one width, every step.

Each layer's prefix is trained by the base loss and distilled from what principal components keep of the
layer's own whole vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from embedworks.losses.distillation import kl_divergence
from embedworks.losses.matryoshka import BaseLoss, Parts, Sides, prefix

# Shape legend: X texts of both sides, D width, k dimensions that are kept.


def espresso_loss(
    base: BaseLoss, layers: Sequence[Sides], width: int, *, temperature: float = 1.0, kl_weight: float = 1.0
) -> Parts:
    """``l(E_L) + p(E_L) + 1 / (L - 1) sum_{i < L} p(E_i) / (1 + ln(1 + i))``.

    ``p(E) = l(E[:k]) + w (MSE(E[:k], P) + T KL(softmax_c(P / T) || softmax_c(E[:k] / T)))`` with
    ``P = principal_vectors(E, k)``, which gets no gradient.

    Args:
        base: l, any loss of two sides.
        layers: ``E_1 .. E_L`` of both sides.
        width: k.
        temperature: T; 0 leaves the KL out.
        kl_weight: w of the compression as a whole, not in the paper.

    Returns:
        ``loss``, and detached ``whole`` = ``l(E_L)``, ``prefix`` and ``compression``, the last two averaged
        over layers without weights.
    """
    depth = len(layers)
    bases, losses, total = [], [], base(*layers[-1])
    whole = total.detach()
    for i, sides in enumerate(layers, start=1):
        bases.append(base(*prefix(sides, width)))
        losses.append(compression_loss(torch.cat(sides), width, temperature))
        share = 1.0 if i == depth else 1 / ((1 + math.log(1 + i)) * (depth - 1))
        total = total + share * (bases[-1] + kl_weight * losses[-1])
    means = (torch.stack(part).mean().detach() for part in (bases, losses))
    return {"loss": total, "whole": whole} | dict(zip(("prefix", "compression"), means, strict=True))


def compression_loss(vectors_XD: Tensor, width: int, temperature: float = 1.0) -> Tensor:
    """Squared error and KL of the first coordinates to :func:`principal_vectors` of the same texts."""
    cut_Xk = vectors_XD[:, :width].float()
    target_Xk = principal_vectors(vectors_XD, width)
    loss = nn.functional.mse_loss(cut_Xk, target_Xk)
    if temperature > 0:
        loss = loss + temperature * kl_divergence(target_Xk, cut_Xk, temperature=temperature)
    return loss


@torch.no_grad()
def principal_vectors(vectors_XD: Tensor, width: int) -> Tensor:
    """``M U_k diag(s_k)`` of the rank-k SVD of ``softmax_rows(M^T M / sqrt(D))``: ``(X, k)`` float32.

    The sign of a singular vector is arbitrary, and this is a target: each one's sum is made positive.
    """
    m_XD = vectors_XD.detach().float()
    alike_DD = (m_XD.T @ m_XD / m_XD.shape[1] ** 0.5).softmax(-1)
    u_DD, s_D, _ = torch.linalg.svd(alike_DD)
    u_Dk = u_DD[:, :width]
    signs_k = torch.where(u_Dk.sum(0) < 0, -1.0, 1.0)
    principal_Xk: Tensor = m_XD @ (u_Dk * signs_k * s_D[:width])
    return principal_Xk
