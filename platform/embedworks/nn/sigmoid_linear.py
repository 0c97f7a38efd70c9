"""A linear layer whose outputs are presences: numbers between 0 and 1, each of which stands for itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SigmoidLinear(nn.Linear):
    """``sigmoid(W x + b)``, as a sentence-transformers Dense layer with a sigmoid computes it.

    Args:
        in_features: Width of what is read.
        out_features: Number of presences.
        scale: Multiply every presence by a trained number, which the folder keeps.

    Example:
        >>> layer = SigmoidLinear(2, 3)
        >>> bool(((layer(torch.ones(1, 2)) > 0) & (layer(torch.ones(1, 2)) < 1)).all())
        True
    """

    scale: nn.Parameter | None

    def __init__(self, in_features: int, out_features: int, *, scale: bool = False) -> None:
        super().__init__(in_features, out_features)
        self.register_parameter("scale", nn.Parameter(torch.ones(out_features)) if scale else None)

    def logits(self, input: Tensor) -> Tensor:
        """``(..., K)`` before the sigmoid, for losses."""
        return super().forward(input)

    def forward(self, input: Tensor) -> Tensor:
        """``(..., K)`` presences."""
        presences = torch.sigmoid(self.logits(input))
        return presences if self.scale is None else presences * self.scale
