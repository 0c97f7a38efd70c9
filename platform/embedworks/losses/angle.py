"""AnglE: the order of graded pairs by their angle in complex space (Li & Li, arXiv 2309.12871)."""

from __future__ import annotations

import torch
from torch import Tensor

from embedworks.errors import InputError
from embedworks.losses.cosent import cosent


def angle_scores(left_BD: Tensor, right_BD: Tensor) -> Tensor:
    """How each pair's angle is scored, ``(B,)`` float32; the cosine does not tell large angles apart.

    Halves of a vector are the real and the imaginary parts of complex numbers: with ``a + bi`` of the left
    and ``c + di`` of the right, ``re = (ac + bd) / z`` and ``im = (bc - ad) / z`` with
    ``z = sum(c^2 + d^2)``, both divided by ``|a + bi| / |c + di|``. The score is the absolute value of the
    sum over all ``re`` and ``im``.

    Raises:
        InputError: for an odd width.
    """
    if left_BD.shape[-1] % 2:
        raise InputError(f"a width of {left_BD.shape[-1]} has no halves", expected="an even width")
    a, b = left_BD.float().chunk(2, dim=-1)
    c, d = right_BD.float().chunk(2, dim=-1)
    summed_B = (a * c + b * d + b * c - a * d).sum(-1)
    norms_B = torch.linalg.vector_norm(left_BD.float(), dim=-1) * torch.linalg.vector_norm(
        right_BD.float(), dim=-1
    )
    # 1 / z * |c + di| / |a + bi| = 1 / (|a + bi| |c + di|)
    scores: Tensor = (summed_B / norms_B.clamp(min=1e-12)).abs()
    return scores


def angle_loss(
    left_BD: Tensor, right_BD: Tensor, grades_B: Tensor, temperature: float = 1.0, *, gather: bool = False
) -> Tensor:
    """:func:`.cosent` over :func:`angle_scores`.

    Args:
        left_BD: ``(B, D)`` raw vectors.
        right_BD: ``(B, D)`` their partners'.
        grades_B: ``(B,)`` gold scores; only their order matters.
        temperature: 1.0 is the scale 1 of the original.
        gather: Order the pairs of all workers.
    """
    return cosent(angle_scores(left_BD, right_BD), grades_B, temperature, gather=gather)
