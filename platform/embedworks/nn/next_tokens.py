"""What a decoder would say next, through its tied head: scores of the vocabulary, and continuations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
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
    seeds: Sequence[int],
    tokens: int,
    pad_id: int,
    never: Sequence[int] = (),
    temperature: float = 1.0,
) -> list[list[int]]:
    """Tokens that the model draws behind each row, one after the other and without a cache.

    Each row has draws of its own, whatever is beside it: two rows with the same draws would become alike.

    Args:
        model: A decoder that attends causally.
        rows: Token ids to go on from.
        seeds: Of each row's draws, 0 or more.
        tokens: How many to draw for each.
        pad_id: The padding token.
        never: Ids that are not drawn, such as special ones.
        temperature: Divides the logits.
    """
    generators = [np.random.default_rng(seed) for seed in seeds]
    grown, begin = [list(row) for row in rows], [len(row) for row in rows]
    for _ in range(tokens):
        width = max(map(len, grown), default=0)
        ids_BT = torch.tensor([[*row, *[pad_id] * (width - len(row))] for row in grown])
        mask_BT = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in grown])
        device = next(model.parameters()).device
        scores_BV = next_token_scores(model, ids_BT.to(device), mask_BT.to(device)).cpu() / temperature
        scores_BV[:, list(never)] = float("-inf")
        below_BV = scores_BV.double().softmax(-1).cumsum(-1).numpy()
        for row, generator, below_V in zip(grown, generators, below_BV, strict=True):
            row.append(int(np.searchsorted(below_V, generator.random() * below_V[-1], side="right")))
    return [row[start:] for row, start in zip(grown, begin, strict=True)]
