"""BERT-like encoders for inference: tokens one behind the other, without padding, masks or gradients.

The fastest way that torch has on CPUs: queries, keys and values are one product, weights are laid out
once (:mod:`embedworks.nn.fast_linear`), and texts of one length attend together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers.activations import GELUActivation

from embedworks.nn.fast_linear import Apply, Weights, prepared
from embedworks.nn.unpadded import OFFSET, Group

# Shape legend: M tokens of all groups, D width, E embedding width, P positions, H heads, d width of a
# head; of a group: G texts, T tokens.


@dataclass(frozen=True)
class Norm:
    """A layer norm."""

    weight_D: Tensor
    bias_D: Tensor
    eps: float

    @classmethod
    def of(cls, norm: Any, dtype: torch.dtype) -> Norm:
        """The same as a module's."""
        return cls(norm.weight.detach().to(dtype), norm.bias.detach().to(dtype), norm.eps)

    def __call__(self, x_MD: Tensor) -> Tensor:
        """The norm of each token."""
        return F.layer_norm(x_MD, self.weight_D.shape, self.weight_D, self.bias_D, self.eps)


@dataclass(frozen=True)
class Layer:
    """One layer's functions."""

    joined: Apply  # queries, keys and values
    out: Apply
    out_norm: Norm
    wide: Apply
    activate: Callable[[Tensor], Tensor]
    narrow: Apply
    narrow_norm: Norm
    heads: int

    @classmethod
    def of(cls, layer: Any, weights: Weights, dtype: torch.dtype) -> Layer:
        """Prepared from a model's layer."""
        own, attended, wide, output = (
            layer.attention.self,
            layer.attention.output,
            layer.intermediate,
            layer.output,
        )
        three = (own.query, own.key, own.value)
        weight, bias = (torch.cat([getattr(one, kind) for one in three]) for kind in ("weight", "bias"))
        return cls(
            prepared(weight, bias, weights),
            prepared(attended.dense.weight, attended.dense.bias, weights),
            Norm.of(attended.LayerNorm, dtype),
            prepared(wide.dense.weight, wide.dense.bias, weights),
            in_place(wide.intermediate_act_fn),
            prepared(output.dense.weight, output.dense.bias, weights),
            Norm.of(output.LayerNorm, dtype),
            own.num_attention_heads,
        )

    def __call__(self, states_MD: Tensor, groups: Sequence[Group]) -> Tensor:
        """``(M, D)`` states to those after the layer."""
        seen_MD = self.out(_attended(self.joined(states_MD), groups, self.heads))
        states_MD = self.out_norm(seen_MD.add_(states_MD))
        made_MD = self.narrow(self.activate(self.wide(states_MD)))
        return self.narrow_norm(made_MD.add_(states_MD))


def in_place(activate: Any) -> Callable[[Tensor], Tensor]:
    """The same activation, for GELU without a second tensor, which costs as much as the function itself."""
    is_exact = isinstance(activate, GELUActivation) and activate.act is F.gelu
    gelu: Callable[[Tensor], Tensor] = torch.ops.aten.gelu_
    return gelu if is_exact else activate


class DirectEncoder:
    """The layers of an encoder, prepared.

    Args:
        model: An encoder for which :func:`embedworks.nn.unpadded.runs_unpadded` holds; its weights are
            copied, in the order of the products.
        weights: Of the products; ``bf16`` computes everything in bfloat16, the others in float32.
    """

    def __init__(self, model: Any, weights: Weights) -> None:
        self.dtype = torch.bfloat16 if weights == "bf16" else torch.float32
        parts = model.embeddings
        first = parts.padding_idx + 1 if model.config.model_type in OFFSET else 0
        self._words = parts.word_embeddings.weight.detach().to(self.dtype)
        places_PE = parts.position_embeddings.weight.detach()[first:]
        self._places_PE = (places_PE + parts.token_type_embeddings.weight.detach()[0]).to(self.dtype)
        self._norm = Norm.of(parts.LayerNorm, self.dtype)
        project = getattr(model, "embeddings_project", None)
        self._project = None if project is None else prepared(project.weight, project.bias, weights)
        self.layers = [Layer.of(layer, weights, self.dtype) for layer in model.encoder.layer]

    def states(
        self, ids_M: Tensor, position_M: Tensor | None, groups: Sequence[Group], depths: Collection[int]
    ) -> dict[int, Tensor]:
        """``(M, D)`` hidden states after each of ``depths`` layers, in one pass.

        Args:
            ids_M: Token ids.
            position_M: Their places in their texts; None for one group, which needs no gathering.
            groups: Where texts are, one group behind the other.
            depths: After how many layers to look; no more than the largest are run.
        """
        states_ME = F.embedding(ids_M, self._words)
        if position_M is None:
            length = groups[0].length
            states_ME.view(-1, length, states_ME.shape[1]).add_(self._places_PE[:length])
        else:
            states_ME.add_(F.embedding(position_M, self._places_PE))
        states_MD = self._norm(states_ME)
        if self._project is not None:
            states_MD = self._project(states_MD)
        found = {0: states_MD}
        for depth, layer in enumerate(self.layers[: max(depths)], 1):
            states_MD = layer(states_MD, groups)
            if depth in depths:
                found[depth] = states_MD
        return {depth: found[depth] for depth in depths}


def _attended(joined_M3D: Tensor, groups: Sequence[Group], heads: int) -> Tensor:
    """``(M, D)`` what each token has seen of its text."""
    if len(groups) == 1:
        return _attended_group(joined_M3D, groups[0], heads)
    parts = [_attended_group(joined_M3D[group.first : group.stop], group, heads) for group in groups]
    return torch.cat(parts)


def _attended_group(joined: Tensor, group: Group, heads: int) -> Tensor:
    shape = (group.texts, group.length, 3, heads, joined.shape[1] // (3 * heads))
    q_GHTd, k_GHTd, v_GHTd = joined.view(shape).permute(2, 0, 3, 1, 4).unbind(0)
    bias = None if group.bias_G1T is None else group.bias_G1T[:, None]
    seen_GHTd = F.scaled_dot_product_attention(q_GHTd, k_GHTd, v_GHTd, attn_mask=bias)
    return seen_GHTd.transpose(1, 2).reshape(len(joined), -1)
