"""BERT-like encoders without the work on padding, on CPUs: same weights, same states.

Texts are sorted by length and grouped with others of nearly their length; the tokens of all groups lie one
behind the other, so linear layers and norms see hardly any padding and attention sees each group as a dense
block, without gathering anything. The layers are those of the model, read from its modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from embedworks.nn.fast_ops import add_dropped, attention, linear

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Shape legend: B texts, T tokens of a padded text, M tokens of all groups, D width, G texts of a group.

PLAIN = ("bert", "electra")
OFFSET = ("roberta", "xlm-roberta", "camembert")  # their positions count from padding_idx + 1
ORIGINAL = ("torch.nn.modules.", "transformers.models.", "transformers.activations")
GROUP_TOKENS = 48  # what a group costs by itself, in tokens: below that, padding is cheaper


@dataclass(frozen=True)
class Group:
    """Texts that are padded to one length.

    Attributes:
        first: Where their tokens begin.
        texts: How many they are.
        length: Tokens of each.
        bias_G1T: Added to scores: the lowest number at padding; None where there is none.
    """

    first: int
    texts: int
    length: int
    bias_G1T: Tensor | None = None

    @property
    def stop(self) -> int:
        """Behind the last token."""
        return self.first + self.texts * self.length


@dataclass(frozen=True)
class Layout:
    """Where the tokens of a padded batch are kept.

    Attributes:
        groups: One behind the other.
        index_M: Places of the kept tokens in the flattened batch.
        position_M: Their positions in their texts.
    """

    groups: tuple[Group, ...]
    index_M: Tensor
    position_M: Tensor


def runs_unpadded(model: PreTrainedModel) -> bool:
    """Whether :func:`unpadded_states` can stand in for the model's forward pass."""
    config = model.config
    if config.model_type not in (*PLAIN, *OFFSET) or getattr(config, "is_decoder", False):
        return False
    parameter = next(model.parameters())
    if parameter.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return False
    changed = (
        hasattr(parameter, "ds_id")  # ZeRO 3 gathers parameters in the modules' own calls
        or getattr(model, "_compiled_call_impl", None) is not None
        or model.is_activation_checkpointing
        or config.chunk_size_feed_forward
    )
    return not changed and all(map(_is_plain, model.modules()))


def _is_plain(module: nn.Module) -> bool:
    """Nothing hooked on, and no part replaced, as adapters and quantisation do."""
    hooked = module._forward_hooks or module._forward_pre_hooks
    return not hooked and type(module).__module__.startswith(ORIGINAL)


def unpadded_states(
    model: Any, input_ids_BT: Tensor, attention_mask_BT: Tensor, *, every: bool = False
) -> tuple[Tensor, ...]:
    """Hidden states of the last layer, or of every one.

    Args:
        model: An encoder for which :func:`runs_unpadded` holds.
        input_ids_BT: Token ids.
        attention_mask_BT: 1 for real tokens, padding on the right.
        every: Whether ``h_1 .. h_L`` are wanted.

    Returns:
        ``(B, T, D)`` each; states of padding mean nothing.
    """
    layout = lay_out(attention_mask_BT, next(model.parameters()).dtype)
    states_MD = _embedded(model, input_ids_BT, layout)
    found: list[Tensor] = []
    layers = model.encoder.layer
    for layer in layers:
        states_MD = _layer(layer, states_MD, layout)
        if every or layer is layers[-1]:
            found.append(padded(states_MD, layout, input_ids_BT.shape))
    return tuple(found)


def padded(states_MD: Tensor, layout: Layout, shape: torch.Size) -> Tensor:
    """``(B, T, D)``, with zeros where no token is kept."""
    if len(states_MD) == shape.numel() and len(layout.groups) == 1:
        return states_MD.view(*shape, -1)
    whole = states_MD.new_zeros(shape.numel(), states_MD.shape[-1])
    return whole.index_copy(0, layout.index_M, states_MD).view(*shape, -1)


def lay_out(mask_BT: Tensor, dtype: torch.dtype) -> Layout:
    """Group the texts of a batch so that little is padded in few groups."""
    length_B = mask_BT.sum(1).clamp(min=1).numpy()
    width = mask_BT.shape[1]
    order_B, bounds = np.argsort(-length_B, kind="stable"), group_bounds(length_B)
    if len(bounds) == 2:
        order_B = np.arange(len(length_B))
    groups: list[Group] = []
    places, positions, first = [], [], 0
    for start, stop in pairwise(bounds):
        rows_G = order_B[start:stop]
        length = int(length_B[rows_G].max())
        places.append((rows_G[:, None] * width + np.arange(length)).ravel())
        positions.append(np.tile(np.arange(length), len(rows_G)))
        bias = _bias(mask_BT[torch.from_numpy(rows_G), :length], dtype)
        groups.append(Group(first, len(rows_G), length, bias))
        first = groups[-1].stop
    index_M, position_M = (torch.from_numpy(np.concatenate(part)) for part in (places, positions))
    return Layout(tuple(groups), index_M, position_M)


def group_bounds(length_B: np.ndarray[Any, Any], group_tokens: float = GROUP_TOKENS) -> list[int]:
    """Where the texts, longest first, are cut into groups: the cheapest way there is.

    A group costs its texts times its longest, and ``group_tokens``.

    Example:
        >>> group_bounds(np.array([100, 5, 98, 7, 6]))
        [0, 2, 5]
    """
    lengths_U, counts_U = np.unique(-length_B, return_counts=True)
    behind_U = np.concatenate([[0], np.cumsum(counts_U)])
    # best[n]: the least cost of the first n distinct lengths; a group begins with its longest.
    best, begin = np.zeros(len(lengths_U) + 1), [0] * (len(lengths_U) + 1)
    for n in range(1, len(best)):
        costs = best[:n] + (behind_U[n] - behind_U[:n]) * -lengths_U[:n] + group_tokens
        begin[n] = int(costs.argmin())
        best[n] = costs[begin[n]]
    bounds, n = [len(length_B)], len(lengths_U)
    while n:
        n = begin[n]
        bounds.append(int(behind_U[n]))
    return bounds[::-1]


def _bias(mask_GT: Tensor, dtype: torch.dtype) -> Tensor | None:
    if bool(mask_GT.all()):
        return None
    bias = torch.zeros(mask_GT.shape, dtype=dtype).masked_fill(mask_GT == 0, torch.finfo(dtype).min)
    return bias[:, None]


def _embedded(model: Any, input_ids_BT: Tensor, layout: Layout) -> Tensor:
    parts = model.embeddings
    words, places, kinds = parts.word_embeddings, parts.position_embeddings, parts.token_type_embeddings
    first = parts.padding_idx + 1 if model.config.model_type in OFFSET else 0
    ids_M = input_ids_BT.reshape(-1)[layout.index_M]
    states_MD = F.embedding(ids_M, words.weight, words.padding_idx)
    states_MD = states_MD + F.embedding(layout.position_M + first, places.weight, places.padding_idx)
    states_MD = parts.LayerNorm(states_MD + kinds.weight[0])
    if model.training:
        states_MD = add_dropped(None, states_MD, parts.dropout.p)
    project = getattr(model, "embeddings_project", None)
    return states_MD if project is None else linear(states_MD, project.weight, project.bias)


def _layer(layer: Any, states_MD: Tensor, layout: Layout) -> Tensor:
    own, out = layer.attention.self, layer.attention.output
    three = (own.query, own.key, own.value)
    joined_M3D = linear(
        states_MD, torch.cat([part.weight for part in three]), torch.cat([part.bias for part in three])
    )
    drop = own.dropout.p if layer.training else 0.0
    seen_MD = attention(joined_M3D, layout.groups, own.num_attention_heads, drop)
    states_MD = _joined(out, seen_MD, states_MD)
    inner = layer.intermediate
    wide = inner.intermediate_act_fn(linear(states_MD, inner.dense.weight, inner.dense.bias))
    return _joined(layer.output, wide, states_MD)


def _joined(part: Any, inner_MD: Tensor, before_MD: Tensor) -> Tensor:
    """A linear layer, dropout, the residual connection and its norm."""
    projected = linear(inner_MD, part.dense.weight, part.dense.bias)
    drop = part.dropout.p if part.training else 0.0
    normed: Tensor = part.LayerNorm(add_dropped(before_MD, projected, drop))
    return normed
