"""NT-Xent (SimCLR, Chen et al., arXiv 2002.05709, eq. 1): each text finds its partner among all others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from embedworks.losses.contrastive import score_matrix
from embedworks.losses.gather import first_row, gather_rows

# Shape legend: B pairs of this worker, N of all workers, D width.


def nt_xent(
    left_BD: Tensor,
    right_BD: Tensor,
    *,
    temperature: float = 0.05,
    gather: bool = True,
    positive_B: Tensor | None = None,
) -> Tensor:
    """Mean over both texts of every pair of the cross-entropy of its partner among all texts but itself.

    Args:
        left_BD: ``(B, D)`` raw vectors; the cosine is taken.
        right_BD: ``(B, D)`` their partners'.
        temperature: Divides the cosines; 0.05 is the scale 20 of other libraries.
        gather: Among the texts of all workers.
        positive_B: ``(B,)`` which pairs are alike; null: all. The texts of others are candidates, but seek
            no partner themselves, and count in the mean as zeros, as in AnglE's code.

    Returns:
        Scalar, float32.
    """
    batch = len(left_BD)
    sides = [gather_rows(side.float()) if gather else side.float() for side in (left_BD, right_BD)]
    first, all_pairs = (first_row(batch) if gather else 0), len(sides[0])
    scores = score_matrix(torch.cat([left_BD, right_BD]), torch.cat(sides), "cosine", temperature)
    left_B = first + torch.arange(batch, device=scores.device)
    own = torch.cat([left_B, left_B + all_pairs])
    scores = scores.scatter(1, own[:, None], float("-inf"))
    losses = nn.functional.cross_entropy(scores, own.roll(batch), reduction="none")
    return (losses if positive_B is None else losses * positive_B.float().repeat(2)).mean()
