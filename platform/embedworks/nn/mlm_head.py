"""A masked-language-model head that reads any prefix of the width, with tied output embeddings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Shape legend: M positions, d <= D input width, D encoder width, V vocabulary.


class WidthLinear(nn.Linear):
    """A linear layer that uses only as many input columns as its input is wide.

    ``y = W[:, :d] x + b`` for ``x`` in R^d: the INPUT is cut, the output always has full width.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map ``(..., d)`` with any ``d <= in_features`` to ``(..., out_features)``."""
        assert input.shape[-1] <= self.in_features, "wider than the layer"
        return nn.functional.linear(input, self.weight[:, : input.shape[-1]], self.bias)


class MlmTransform(nn.Module):
    """``g_d(u) = LayerNorm(gelu(W[:, :d] u + b))``: ``(..., d)`` to ``(..., D)``."""

    def __init__(self, width: int, std: float = 0.02, eps: float = 1e-12) -> None:
        super().__init__()
        self.dense = WidthLinear(width, width)
        self.norm = nn.LayerNorm(width, eps=eps)
        nn.init.normal_(self.dense.weight, std=std)
        nn.init.zeros_(self.dense.bias)

    def forward(self, u: Tensor) -> Tensor:
        """Transform states of any prefix of the width."""
        normed: Tensor = self.norm(nn.functional.gelu(self.dense(u)))
        return normed


class TiedDecoder(nn.Module):
    """``logits = E g + c`` with ``E`` the encoder's word-embedding table, handed in at each call."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, g: Tensor, table_VD: Tensor) -> Tensor:
        """``(..., D)`` to ``(..., V)`` logits."""
        return nn.functional.linear(g, table_VD, self.bias)


class MlmHead(nn.Module):
    """The head of masked language models, usable at every prefix of the width.

    Args:
        width: D.
        vocabulary: V.
        std: Standard deviation of the new weights.

    Example:
        >>> head = MlmHead(width=8, vocabulary=20)
        >>> head(torch.zeros(3, 2), torch.zeros(20, 8)).shape
        torch.Size([3, 20])
    """

    def __init__(self, width: int, vocabulary: int, std: float = 0.02) -> None:
        super().__init__()
        self.transform = MlmTransform(width, std)
        self.decode = TiedDecoder(vocabulary)

    def forward(self, u: Tensor, table_VD: Tensor) -> Tensor:
        """``(..., d)`` states to ``(..., V)`` logits, ``d <= D``."""
        logits: Tensor = self.decode(self.transform(u), table_VD)
        return logits


def masked_cross_entropy(head: MlmHead, states_BTd: Tensor, labels_BT: Tensor, table_VD: Tensor) -> Tensor:
    """Mean cross-entropy over the positions whose label is not -100; 0 where there are none.

    Logits are made for those positions only: the vocabulary is what makes this loss expensive.
    """
    chosen_BT = labels_BT != -100
    logits_MV = head(states_BTd[chosen_BT], table_VD).float()
    total = nn.functional.cross_entropy(logits_MV, labels_BT[chosen_BT], reduction="sum")
    return total / chosen_BT.sum().clamp(min=1)
