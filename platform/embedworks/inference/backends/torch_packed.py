"""``packed``: BERT-like encoders without padding, by :mod:`embedworks.nn.direct`. For CPUs."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedworks.inference.backends.protocol import Setting, States
from embedworks.nn.direct import DirectEncoder
from embedworks.nn.fast_linear import Weights
from embedworks.nn.unpadded import Group, group_bounds
from embedworks.transforms.tokenizer import TokenIds

# Shape legend: B texts, M tokens in memory, G texts of a group, T tokens of each.

GROUP_TOKENS = 4  # what a group costs by itself, in tokens


class TorchPacked:
    """Tokens of all texts one behind the other; texts of nearly one length attend together."""

    name = "packed"
    packs = True

    def __init__(self, setting: Setting) -> None:
        self.precision = setting.precision
        with torch.inference_mode():
            self._encoder = DirectEncoder(setting.encoder, cast(Weights, setting.precision))

    def states(self, ids: TokenIds, layers: int) -> States:
        """Hidden states after ``layers`` layers."""
        return self.nested_states(ids, (layers,))[layers]

    def layer_states(self, ids: TokenIds, layers: int) -> tuple[States, ...]:
        """Hidden states of layers 1 to ``layers``."""
        return tuple(self.nested_states(ids, range(1, layers + 1)).values())

    @torch.inference_mode()
    def nested_states(self, ids: TokenIds, depths: Collection[int]) -> dict[int, States]:
        """Depth -> hidden states after so many layers, all of one pass."""
        length_B = np.fromiter(map(len, ids), np.int64, len(ids))
        longest = int(length_B.max())
        if (length_B == longest).all():
            ids_M = torch.tensor(ids).view(-1)
            groups = (Group(0, len(ids), longest),)
            found = self._encoder.states(ids_M, None, groups, depths)
            starts_B = np.arange(len(ids)) * longest
            return {depth: States(found[depth], starts_B, length_B, True) for depth in depths}
        ids_M, position_M, start_B, mixed = lay_out(ids, length_B, self._encoder.dtype)
        found = self._encoder.states(ids_M, position_M, mixed, depths)
        return {depth: States(found[depth], start_B, length_B, False) for depth in depths}


def lay_out(
    ids: TokenIds, length_B: NDArray[np.int64], dtype: torch.dtype
) -> tuple[Tensor, Tensor, NDArray[np.int64], tuple[Group, ...]]:
    """Texts of different lengths in groups.

    Returns:
        ``(M,)`` ids and places in the texts, ``(B,)`` where each text begins, and the groups.
    """
    order_B = np.argsort(-length_B, kind="stable")
    start_B = np.empty_like(length_B)
    groups: list[Group] = []
    rows: list[NDArray[np.int64]] = []
    places: list[NDArray[np.int64]] = []
    first = 0
    for low, high in pairwise(group_bounds(length_B, GROUP_TOKENS)):
        members_G = order_B[low:high]
        length_G = length_B[members_G]
        longest = int(length_G[0])
        rows.append(_rectangle([ids[i] for i in members_G.tolist()], longest))
        places.append(np.tile(np.arange(longest), len(members_G)))
        start_B[members_G] = first + np.arange(len(members_G)) * longest
        groups.append(Group(first, len(members_G), longest, _bias(length_G, longest, dtype)))
        first = groups[-1].stop
    ids_M, position_M = (torch.from_numpy(np.concatenate(part)) for part in (rows, places))
    return ids_M, position_M, start_B, tuple(groups)


def _rectangle(ids: list[list[int]], longest: int) -> NDArray[np.int64]:
    """``(G * T,)`` ids; any id does as padding, which nobody sees."""
    flat: list[int] = []
    for row in ids:
        flat += row
        flat += row[-1:] * (longest - len(row))
    return np.array(flat, dtype=np.int64)


def _bias(length_G: NDArray[np.int64], longest: int, dtype: torch.dtype) -> Any:
    """``(G, 1, T)``: the lowest number at padding; None where there is none."""
    if length_G[-1] == longest:
        return None
    beyond_GT = torch.from_numpy(np.arange(longest) >= length_G[:, None])
    bias_GT = torch.zeros(beyond_GT.shape, dtype=dtype).masked_fill(beyond_GT, torch.finfo(dtype).min)
    return bias_GT[:, None]
