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


def pool_states(found: States, pooling: Pooling) -> Tensor:
    """``(B, D)`` float32, as :func:`embedworks.nn.pooling.pool` makes them of padded states.

    Raises:
        ValueError: for an unknown pooling.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"unknown pooling {pooling!r}; expected one of {POOLINGS}")
    if pooling in ("cls", "last"):
        place_B = found.start_B + (found.length_B - 1 if pooling == "last" else 0)
        return found.states_MD[torch.from_numpy(place_B)].float()
    states_MD = found.states_MD.float()
    if found.grid:
        states_BTD = states_MD.view(len(found.length_B), -1, states_MD.shape[1])
        return states_BTD.mean(1) if pooling == "mean" else states_BTD.amax(1)
    first_B = np.cumsum(found.length_B) - found.length_B
    index_N = torch.from_numpy(_places(found.start_B, found.length_B, first_B)).to(states_MD.device)
    return F.embedding_bag(index_N, states_MD, torch.from_numpy(first_B).to(states_MD.device), mode=pooling)


def _places(
    start_B: NDArray[np.int64], length_B: NDArray[np.int64], first_B: NDArray[np.int64]
) -> NDArray[np.int64]:
    """``(N,)`` where the real tokens are, text by text."""
    return np.arange(int(length_B.sum())) + np.repeat(start_B - first_B, length_B)
