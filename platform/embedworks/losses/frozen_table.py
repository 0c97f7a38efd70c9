"""Cross-entropy over the rows of a frozen table: which class's vector is a sample's nearest (DefSent)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# Shape legend: B samples, E classes, S classes drawn, D dimensions.


def table_scores(vectors_BD: Tensor, table_ED: Tensor, temperature: float = 1.0) -> Tensor:
    """``(B, E)`` scores ``E f(x) / tau`` in float32; the table gets no gradient."""
    return vectors_BD.float() @ table_ED.detach().float().T / temperature


def frozen_table_loss(
    vectors_BD: Tensor,
    table_ED: Tensor,
    labels_B: Tensor,
    temperature: float = 1.0,
    sampled: int | None = None,
) -> Tensor:
    """Mean cross-entropy of each sample's class among all classes; the gradient goes to the samples alone.

    Args:
        vectors_BD: Vectors of the samples.
        table_ED: A vector for each class.
        labels_B: The number of each sample's class.
        temperature: tau.
        sampled: Compare with so many other classes, drawn anew at each call and the same for the whole
            batch, in place of all; None: with all. The sum over the classes that were drawn stands for
            that over all others, so that the normaliser is right in the mean.

    Returns:
        A scalar, float32.
    """
    if sampled is None or sampled >= len(table_ED) - 1:
        return nn.functional.cross_entropy(table_scores(vectors_BD, table_ED, temperature), labels_B)
    drawn_S = torch.randperm(len(table_ED), device=table_ED.device)[:sampled]
    own_B1 = (vectors_BD.float() * table_ED[labels_B].detach().float()).sum(-1, keepdim=True) / temperature
    others_BS = table_scores(vectors_BD, table_ED[drawn_S], temperature)
    is_own_BS = drawn_S[None, :] == labels_B[:, None]
    weight_B1 = math.log(len(table_ED) - 1) - (~is_own_BS).sum(-1, keepdim=True).log()
    others_BS = (others_BS + weight_B1).masked_fill(is_own_BS, float("-inf"))
    return (torch.cat([own_B1, others_BS], dim=1).logsumexp(dim=1) - own_B1.squeeze(1)).mean()


def hit_rate(vectors_BD: Tensor, table_ED: Tensor, labels_B: Tensor) -> Tensor:
    """Share of samples whose own class has the highest score; a scalar without gradient."""
    with torch.no_grad():
        return (table_scores(vectors_BD, table_ED).argmax(dim=1) == labels_B).float().mean()
