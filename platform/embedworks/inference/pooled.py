"""Pooling of whatever a backend gives, always in float32: the same for all backends."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from embedworks.inference.backends.protocol import States
from embedworks.nn.pooling import POOLINGS, Pooling

# Shape legend: B texts, T tokens of equally long texts, M tokens in memory, N real tokens, D width.


def pool_states(found: States, pooling: Pooling, skip_B: NDArray[np.int64] | None = None) -> Tensor:
    """``(B, D)`` float32, as :func:`embedworks.nn.pooling.pool` makes them of padded states.

    Args:
        found: States of the texts.
        pooling: One without parameters.
        skip_B: First tokens of each text that are not pooled; None for none.

    Raises:
        ValueError: for an unknown pooling, or one that has parameters.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"unknown pooling {pooling!r}; expected one of {POOLINGS}")
    begin_B = found.start_B
    if skip_B is not None and skip_B.any() and pooling != "cls":
        found = States(found.states_MD, found.start_B + skip_B, found.length_B - skip_B, False)
    if pooling in ("cls", "last"):
        place_B = found.start_B + (found.length_B - 1 if pooling == "last" else 0)
        return found.states_MD[torch.from_numpy(place_B)].float()
    states_MD = found.states_MD.float()
    if found.grid and pooling != "weighted-mean":
        states_BTD = states_MD.view(len(found.length_B), -1, states_MD.shape[1])
        return states_BTD.mean(1) if pooling == "mean" else states_BTD.amax(1)
    first_B = np.cumsum(found.length_B) - found.length_B
    place_N = _places(found.start_B, found.length_B, first_B)
    index_N, bags_B = (torch.from_numpy(part).to(states_MD.device) for part in (place_N, first_B))
    if pooling != "weighted-mean":
        return F.embedding_bag(index_N, states_MD, bags_B, mode=pooling)
    rank_N = (place_N - np.repeat(begin_B, found.length_B) + 1).astype(np.float32)
    share_N = rank_N / np.repeat(np.add.reduceat(rank_N, first_B), found.length_B)
    weight_N = torch.from_numpy(share_N).to(states_MD.device)
    return F.embedding_bag(index_N, states_MD, bags_B, mode="sum", per_sample_weights=weight_N)


def padded_texts(found: States, skip_B: NDArray[np.int64] | None = None) -> tuple[Tensor, Tensor]:
    """States text by text, for a pooler with parameters.

    Returns:
        ``(B, T, D)`` float32, padded on the right, and ``(B, T)`` 1 for tokens that are pooled.
    """
    place_T = np.arange(int(found.length_B.max()))
    real_BT = place_T < found.length_B[:, None]
    index_BT = found.start_B[:, None] + np.where(real_BT, place_T, 0)
    pooled_BT = real_BT if skip_B is None else real_BT & (place_T >= skip_B[:, None])
    device = found.states_MD.device
    states_BTD = found.states_MD[torch.from_numpy(index_BT).to(device)].float()
    return states_BTD, torch.from_numpy(pooled_BT.astype(np.float32)).to(device)


def _places(
    start_B: NDArray[np.int64], length_B: NDArray[np.int64], first_B: NDArray[np.int64]
) -> NDArray[np.int64]:
    """``(N,)`` where the real tokens are, text by text."""
    return np.arange(int(length_B.sum())) + np.repeat(start_B - first_B, length_B)
