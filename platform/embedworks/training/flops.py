"""Floating-point operations that training needs, counted from the modules of an objective.

A token costs 2 FLOPs for each weight of a linear layer that it passes, forward, and 4 backward: 6 N D, of
Kaplan et al. (arXiv 2001.08361, section 2.1), whose N leaves embeddings out. Attention adds, in each layer
and for a text of L tokens, 4 d L^2 forward (queries with keys, then weights with values) and twice that
backward; d is the width of all heads together (Chowdhery et al., arXiv 2204.02311, appendix B). A frozen
layer below a trained one only passes gradients on, a frozen encoder not even that, and GradCache goes
forward once more.

Counted are linear layers inside encoders: heads see few positions. Every token is taken to pass every
encoder once. Relative-position terms of attention are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn
from transformers.pytorch_utils import Conv1D

from embedworks.training.optimizers.groups import encoders

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FORWARD = 2  # FLOPs of a weight and token: a product and a sum


@dataclass(frozen=True)
class Work:
    """FLOPs of one step.

    Attributes:
        per_token: For each token.
        per_square: For each text, times the square of its tokens.
    """

    per_token: float
    per_square: float

    def of(self, tokens: float, squares: float) -> float:
        """FLOPs for so many tokens, whose texts' squared lengths add up to ``squares``."""
        return self.per_token * tokens + self.per_square * squares


def count_work(objective: nn.Module, is_chunked: bool = False) -> Work | None:
    """What an objective's encoders cost.

    Args:
        objective: Frozen parameters are already frozen.
        is_chunked: Whether every sample is represented twice (GradCache).

    Returns:
        None where there is no encoder to count.
    """
    found = encoders(objective)
    if not found:
        return None
    linear, attention = 0.0, 0.0
    for encoder in found:
        is_trained = any(parameter.requires_grad for parameter in encoder.parameters())
        for layer in encoder.modules():
            weights = _weights(layer)
            own = next(layer.parameters(recurse=False), None) if weights else None
            learns = own is not None and own.requires_grad
            linear += FORWARD * weights * _passes(is_trained, learns, is_chunked)
        attention += 2 * FORWARD * _attention_width(encoder) * _passes(is_trained, is_trained, is_chunked)
    return Work(linear, attention)


def _passes(is_trained: bool, learns: bool, is_chunked: bool) -> int:
    """Passes, each as expensive as a forward one: back for inputs and back for weights are two."""
    return 1 + is_trained + learns + is_chunked


def _weights(layer: nn.Module) -> int:
    """Weights of a linear layer from its shape: ZeRO 3 leaves the tensor itself empty."""
    if isinstance(layer, nn.Linear):
        return layer.in_features * layer.out_features
    if isinstance(layer, Conv1D):
        return int(layer.nx * layer.nf)
    return 0


def _attention_width(encoder: PreTrainedModel) -> int:
    """Width of all heads, times the layers."""
    config = encoder.config
    heads = getattr(config, "num_attention_heads", 0)
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // max(1, heads))
    return int(width * getattr(config, "num_hidden_layers", 0))
