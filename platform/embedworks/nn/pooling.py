"""Poolers: token states to one vector."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

Pooling = Literal["mean", "cls", "max", "last", "weighted-mean", "latent", "multi-layer"]
# By a module of the embedder, see :mod:`.latent_pooling` and :mod:`.multi_layer_pooling`.
LEARNED = ("latent", "multi-layer")
POOLINGS: tuple[str, ...] = tuple(name for name in get_args(Pooling) if name not in LEARNED)

# Shape legend: B texts, T tokens, D width.


def pool(states_BTD: Tensor, mask_BT: Tensor, pooling: Pooling) -> Tensor:
    """Reduce token states to one vector a text.

    Args:
        states_BTD: Hidden states of one layer.
        mask_BT: 1 for tokens that count; 0 for padding (on the right), and in front of a text for an
            instruction that is left out.
        pooling: ``mean`` over real tokens, ``cls`` (position 0), ``max`` over real tokens, ``last`` (the
            last real token) or ``weighted-mean``: the t-th token of the row, from 1, counts t times
            (Muennighoff 2022, arXiv 2202.08904).

    Returns:
        ``(B, D)`` in the dtype of the states; the mean is taken in float32.

    Raises:
        ValueError: for an unknown pooling, or one that has parameters.
    """
    if pooling == "cls":
        return states_BTD[:, 0]
    if pooling == "last":
        places_T = torch.arange(mask_BT.shape[1], device=mask_BT.device)
        last_B = (mask_BT.long() * places_T).amax(1)
        index = last_B[:, None, None].expand(-1, 1, states_BTD.shape[-1])
        return states_BTD.gather(1, index).squeeze(1)
    weight_BT1 = mask_BT.unsqueeze(-1)
    if pooling == "weighted-mean":
        rank_T = torch.arange(1, mask_BT.shape[1] + 1, device=mask_BT.device, dtype=torch.float32)
        weight_BT1 = weight_BT1 * rank_T[:, None]
    if pooling == "max":
        return states_BTD.masked_fill(weight_BT1 == 0, float("-inf")).amax(1)
    if pooling in ("mean", "weighted-mean"):
        total_BD = (states_BTD.float() * weight_BT1).sum(1)
        return (total_BD / weight_BT1.sum(1).clamp(min=1)).to(states_BTD.dtype)
    raise ValueError(f"unknown pooling {pooling!r}; expected one of {POOLINGS}")


def within_spans(mask_BT: Tensor, spans_B2: Tensor) -> Tensor:
    """The mask with zeros outside each row's span.

    Example:
        >>> within_spans(torch.ones(2, 3), torch.tensor([[0, 3], [1, 2]])).tolist()
        [[1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]
    """
    places_T = torch.arange(mask_BT.shape[1], device=mask_BT.device)
    begin_B1, end_B1 = (spans_B2.to(mask_BT.device)[:, side, None] for side in (0, 1))
    return mask_BT * ((places_T >= begin_B1) & (places_T < end_B1)).to(mask_BT.dtype)
