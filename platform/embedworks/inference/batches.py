"""How texts of different lengths become padded batches that waste little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

# What one more forward pass costs beside its tokens, in tokens that are computed in the same time.
# Two neighbours in length part where padding the shorter ones would cost more than that.
PASS_COST = 256
SPARSE = 3  # times as many places as tokens are too many


def plan_batches(lengths: Sequence[int], max_tokens: int, pass_cost: int = PASS_COST) -> list[list[int]]:
    """Sort texts by length and cut them into batches of at most ``max_tokens`` padded tokens.

    A text longer than the budget has a batch of its own. Equal lengths stay in the order given.

    Args:
        lengths: Tokens of each text.
        max_tokens: Budget of one batch: rows times the longest of them.
        pass_cost: Padding, in tokens, from which on a further pass is cheaper.

    Returns:
        Indices into ``lengths``, one list a batch, short texts first; each index occurs once.
    """
    batches: list[list[int]] = []
    longest = 0
    for index in np.argsort(lengths, kind="stable").tolist():
        length = lengths[index]
        rows = len(batches[-1]) if batches else 0
        full = (rows + 1) * length > max_tokens
        if not rows or full or rows * (length - longest) > pass_cost:
            batches.append([])
        batches[-1].append(index)
        longest = length
    return batches


def plan_packed(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Sort texts by length and cut them into batches of at most ``max_tokens`` real tokens.

    Much shorter texts than the longest of a batch begin another: backends that pad within attention
    alone would spend too much there.

    Args:
        lengths: Tokens of each text.
        max_tokens: Budget of one batch; a longer text has one of its own.

    Returns:
        Indices into ``lengths``, one list a batch, short texts first; each index occurs once.
    """
    batches: list[list[int]] = []
    tokens = 0
    for index in np.argsort(lengths, kind="stable").tolist():
        length = lengths[index]
        rows = len(batches[-1]) if batches else 0
        sparse = (rows + 1) * length > SPARSE * (tokens + length)
        if not rows or tokens + length > max_tokens or sparse:
            batches.append([])
            tokens = 0
        batches[-1].append(index)
        tokens += length
    return batches


def pad(ids: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Token lists to ``input_ids`` and ``attention_mask``, both ``(B, T)``, padded on the right."""
    longest = max(len(row) for row in ids)
    input_ids_BT = np.full((len(ids), longest), pad_id, dtype=np.int64)
    mask_BT = np.zeros((len(ids), longest), dtype=np.int64)
    for i, row in enumerate(ids):
        input_ids_BT[i, : len(row)] = row
        mask_BT[i, : len(row)] = 1
    return torch.from_numpy(input_ids_BT), torch.from_numpy(mask_BT)
