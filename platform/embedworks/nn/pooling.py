"""Poolers: token states to one vector."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor

Pooling = Literal["mean", "cls", "max", "last"]
POOLINGS: tuple[str, ...] = get_args(Pooling)

# Shape legend: B texts, T tokens, D width.


def pool(states_BTD: Tensor, mask_BT: Tensor, pooling: Pooling) -> Tensor:
    """Reduce token states to one vector a text.

    Args:
        states_BTD: Hidden states of one layer.
        mask_BT: 1 for real tokens, 0 for padding (on the right).
        pooling: ``mean`` over real tokens, ``cls`` (position 0), ``max`` over real tokens or
            ``last`` (the last real token).

    Returns:
        ``(B, D)`` in the dtype of the states; the mean is taken in float32.

    Raises:
        ValueError: for an unknown pooling.
    """
    if pooling == "cls":
        return states_BTD[:, 0]
    if pooling == "last":
        last_B = mask_BT.sum(1).clamp(min=1).long() - 1
        index = last_B[:, None, None].expand(-1, 1, states_BTD.shape[-1])
        return states_BTD.gather(1, index).squeeze(1)
    weight_BT1 = mask_BT.unsqueeze(-1)
    if pooling == "max":
        return states_BTD.masked_fill(weight_BT1 == 0, float("-inf")).amax(1)
    if pooling == "mean":
        total_BD = (states_BTD.float() * weight_BT1).sum(1)
        return (total_BD / weight_BT1.sum(1).clamp(min=1)).to(states_BTD.dtype)
    raise ValueError(f"unknown pooling {pooling!r}; expected one of {POOLINGS}")
