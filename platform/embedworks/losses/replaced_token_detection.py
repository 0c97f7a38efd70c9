"""ELECTRA's two losses, and the corruption between them: fill masks by sampling, tell what changed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

# Shape legend: B texts, T tokens, V vocabulary, M masked positions of the whole batch.


def masked_token_loss(logits_MV: Tensor, targets_M: Tensor) -> Tensor:
    """L_MLM: mean over the masked positions of ``-log p_G(x_i)``; 0 where nothing is masked."""
    total = F.cross_entropy(logits_MV.float(), targets_M, reduction="sum")
    return total / max(1, len(targets_M))


@torch.no_grad()
def draw_tokens(logits_MV: Tensor, temperature: float = 1.0) -> Tensor:
    """``(M,)`` ids, each one draw from ``softmax(logits / temperature)``: no argmax, no gradient.

    Draws from torch's global random state.
    """
    shares_MV = torch.softmax(logits_MV.float() / temperature, dim=-1)
    return torch.multinomial(shares_MV, 1).squeeze(-1)


def corrupt(input_ids_BT: Tensor, labels_BT: Tensor, draws_M: Tensor) -> tuple[Tensor, Tensor]:
    """Put the draws in place of the masks.

    Args:
        input_ids_BT: Ids with ``[MASK]`` at the chosen positions.
        labels_BT: The original id at the chosen positions, 0 elsewhere.
        draws_M: The generator's ids, one for each chosen position, row by row.

    Returns:
        The corrupted ids, and r: 1 where another token than the original was drawn, both ``(B, T)``
        int64. A draw that hits the original counts as original.
    """
    chosen_BT = labels_BT > 0
    corrupted_BT = input_ids_BT.masked_scatter(chosen_BT, draws_M)
    return corrupted_BT, (chosen_BT & (corrupted_BT != labels_BT)).long()


def replaced_token_loss(logits_BT: Tensor, replaced_BT: Tensor, attention_mask_BT: Tensor) -> Tensor:
    """L_RTD: binary cross-entropy, mean over all real positions, not over the masked ones alone.

    Args:
        logits_BT: One logit a token; positive means replaced.
        replaced_BT: r, 0 or 1.
        attention_mask_BT: 1 for real tokens.
    """
    real_BT = attention_mask_BT.bool()
    return F.binary_cross_entropy_with_logits(logits_BT[real_BT].float(), replaced_BT[real_BT].float())
