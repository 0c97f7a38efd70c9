"""What a decoder would say next, through its tied head: scores of the vocabulary, and continuations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from embedworks.nn.encoder import last_states
from embedworks.nn.pooling import pool

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Shape legend: B texts, T tokens of a padded text, V vocabulary.


@torch.no_grad()
def next_token_scores(model: PreTrainedModel, input_ids_BT: Tensor, attention_mask_BT: Tensor) -> Tensor:
    """``(B, V)`` float32 logits ``E h`` of the token behind each text; E are the word embeddings."""
    states_BTD = last_states(model, input_ids_BT, attention_mask_BT)
    encoder: Any = model
    table_VD = encoder.get_input_embeddings().weight
    return F.linear(pool(states_BTD, attention_mask_BT, "last"), table_VD).float()


@torch.no_grad()
def continuations(
    model: PreTrainedModel,
    rows: Sequence[Sequence[int]],
    *,
    tokens: int,
    pad_id: int,
    never: Sequence[int] = (),
    temperature: float = 1.0,
    seed: int = 0,
) -> list[list[int]]:
    """Tokens that the model draws behind each row, one after the other and without a cache.

    Args:
        model: A decoder that attends causally.
        rows: Token ids to go on from.
        tokens: How many to draw for each.
        pad_id: The padding token.
        never: Ids that are not drawn, such as special ones.
        temperature: Divides the logits.
        seed: Of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    grown, begin = [list(row) for row in rows], [len(row) for row in rows]
    for _ in range(tokens):
        width = max(map(len, grown), default=0)
        ids_BT = torch.tensor([[*row, *[pad_id] * (width - len(row))] for row in grown])
        mask_BT = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in grown])
        device = next(model.parameters()).device
        scores_BV = next_token_scores(model, ids_BT.to(device), mask_BT.to(device)).cpu() / temperature
        scores_BV[:, list(never)] = float("-inf")
        drawn_B = torch.multinomial(scores_BV.softmax(-1), 1, generator=generator).flatten()
        for row, token in zip(grown, drawn_B.tolist(), strict=True):
            row.append(token)
    return [row[start:] for row, start in zip(grown, begin, strict=True)]
