"""CoSENT: pairs with graded similarity scores, trained by their order."""

from __future__ import annotations

import torch
from torch import Tensor

from embedworks.losses.gather import gather_rows


def cosent(
    similarities_B: Tensor, scores_B: Tensor, temperature: float = 0.05, *, gather: bool = False
) -> Tensor:
    """``log(1 + sum over (i, j) with y_i > y_j of exp((s_j - s_i) / temperature))``.

    Args:
        similarities_B: ``(B,)`` model similarity of each pair of texts.
        scores_B: ``(B,)`` gold score of each pair; only their order matters.
        temperature: 0.05 is the "scale 20" of the original.
        gather: Order the pairs of all workers.

    Returns:
        Scalar, float32; zero where all gold scores are equal.
    """
    if gather:
        similarities_B, scores_B = gather_rows(similarities_B), gather_rows(scores_B)
    similarities_B, scores_B = similarities_B.float() / temperature, scores_B.float()
    wrong_BB = similarities_B[None, :] - similarities_B[:, None]
    ordered_BB = scores_B[:, None] > scores_B[None, :]
    terms = torch.cat([wrong_BB.new_zeros(1), wrong_BB[ordered_BB]])
    return torch.logsumexp(terms, dim=0)
