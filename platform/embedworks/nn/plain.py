"""BERT-like encoders as a module that can be traced: few operations, the model's weights.

What exporters and compilers read; transformers' own forward builds its masks in ways that they stumble
over, and that cost time. Attention alone sees padding: everything else has one token behind the other.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from embedworks.nn.attention import attention_of
from embedworks.nn.unpadded import OFFSET

# Shape legend: B texts, T tokens of the longest, M real tokens, D width, H heads, d width of a head.

NEVER = -3e4  # added to the scores of padding; fits half precision


class PlainEncoder(nn.Module):
    """The hidden states of every layer.

    Args:
        model: An encoder for which :func:`embedworks.nn.unpadded.runs_unpadded` holds; its modules are
            shared.
        every: Whether to give the states of every layer, or of the last.
    """

    def __init__(self, model: Any, every: bool = False) -> None:
        super().__init__()
        parts = model.embeddings
        self.first = parts.padding_idx + 1 if model.config.model_type in OFFSET else 0
        self.words, self.places = parts.word_embeddings, parts.position_embeddings
        self.kinds, self.norm = parts.token_type_embeddings, parts.LayerNorm
        self.project = getattr(model, "embeddings_project", None)
        self.layers = model.encoder.layer
        self.every = every
        for number, layer in enumerate(self.layers):
            own = layer.attention.self
            for kind in ("weight", "bias"):  # of queries, keys and values: one product
                three = [getattr(part, kind).detach() for part in (own.query, own.key, own.value)]
                self.register_buffer(f"{kind}_{number}", torch.cat(three))

    def forward(
        self, ids_M: Tensor, position_M: Tensor, spread_BT: Tensor, gather_M: Tensor, mask_BT: Tensor
    ) -> Tensor | tuple[Tensor, ...]:
        """Packed texts to ``(M, D)`` states.

        Args:
            ids_M: Token ids, text by text.
            position_M: Places in their texts.
            spread_BT: Which token stands in a padded batch.
            gather_M: Where a token stands in the flattened padded batch.
            mask_BT: 1 for real tokens.
        """
        states_MD = F.embedding(ids_M, self.words.weight) + self.kinds.weight[0]
        states_MD = self.norm(states_MD + F.embedding(position_M + self.first, self.places.weight))
        if self.project is not None:
            states_MD = self.project(states_MD)
        bias_B11T = ((1 - mask_BT) * NEVER).to(states_MD.dtype)[:, None, None, :]
        found = []
        for number, layer in enumerate(self.layers):
            joined_M3D = F.linear(
                states_MD, self.get_buffer(f"weight_{number}"), self.get_buffer(f"bias_{number}")
            )
            seen_MD = _attended(layer, F.embedding(spread_BT, joined_M3D), gather_M, bias_B11T)
            states_MD = _layer(layer, states_MD, seen_MD)
            found.append(states_MD)
        return tuple(found) if self.every else states_MD


def _attended(layer: Any, joined_BT3D: Tensor, gather_M: Tensor, bias_B11T: Tensor) -> Tensor:
    heads = layer.attention.self.num_attention_heads
    q, k, v = (
        part_BTD.unflatten(-1, (heads, -1)).transpose(1, 2) for part_BTD in joined_BT3D.chunk(3, dim=-1)
    )
    seen_BTD = F.scaled_dot_product_attention(q, k, v, attn_mask=bias_B11T).transpose(1, 2).flatten(2)
    return F.embedding(gather_M, seen_BTD.flatten(0, 1))


def _layer(layer: Any, states_MD: Tensor, seen_MD: Tensor) -> Tensor:
    out = layer.attention.output
    states_MD = out.LayerNorm(out.dense(seen_MD) + states_MD)
    inner: Tensor = layer.intermediate(states_MD)
    made: Tensor = layer.output.LayerNorm(layer.output.dense(inner) + states_MD)
    return made


class LastStates(nn.Module):
    """Any encoder as a module that gives its last states alone.

    Args:
        model: Returns ``last_hidden_state``.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """``(B, T)`` ids and mask to ``(B, T, D)`` states."""
        mask = attention_of(self.model, input_ids, attention_mask)
        states: Tensor = self.model(input_ids=input_ids, attention_mask=mask).last_hidden_state
        return states
