"""Multi-layer trainable pooling: what every layer says of a text, weighed by attention (arXiv 2409.02727).

Each layer gives one summary of the text, its last token or the mean of its tokens. A trained vector a layer
says which layer a summary is of, latent vectors ask the summaries, and the mean over latents is the vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from embedworks.nn.latent_pooling import LatentPooler, LatentPoolerConfig
from embedworks.nn.pooling import pool

# Shape legend: B texts, T tokens, L layers, D width.


class MultiLayerPoolerConfig(BaseModel):
    """The shape of a :class:`MultiLayerPooler`. Stored in ``1_Pooling/config.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(ge=1, description="D of the states that are pooled")
    layers: int = Field(ge=1, description="L of the encoder; one cut to fewer uses the first ones' vectors")
    tokens: Literal["mean", "last"] = Field(default="mean", description="a layer's summary of a text")
    latents: int = Field(default=16, ge=1)
    heads: int = Field(default=4, ge=1)
    head_width: int = Field(default=48, ge=1, description="of one head")
    expansion: int = Field(default=4, ge=1, description="the feed-forward layer is so many times as wide")

    @property
    def attention(self) -> LatentPoolerConfig:
        """The shape of the attention over summaries."""
        shape = self.model_dump(exclude={"layers", "tokens"})
        return LatentPoolerConfig(**shape, queries="latents")


class MultiLayerPooler(nn.Module):
    """States of all layers to one vector a text.

    ``S = [s_1; ...; s_L] + P``, with ``s_n`` the summary of layer n and ``P`` trained; the vector is that
    of :class:`.LatentPooler` whose latents ask the rows of ``S``.

    Args:
        config: Its shape.

    Example:
        >>> shape = {"width": 8, "layers": 3, "latents": 2, "heads": 2, "head_width": 4}
        >>> pooler = MultiLayerPooler(MultiLayerPoolerConfig(**shape))
        >>> pooler([torch.zeros(5, 7, 8)] * 3, torch.ones(5, 7)).shape
        torch.Size([5, 8])
    """

    def __init__(self, config: MultiLayerPoolerConfig) -> None:
        super().__init__()
        self.config = config
        self.layers_LD = nn.Parameter(torch.randn(config.layers, config.width))
        self.attention = LatentPooler(config.attention)

    def forward(self, states: Sequence[Tensor], mask_BT: Tensor) -> Tensor:
        """``(B, D)`` in the dtype of the pooler.

        Args:
            states: Hidden states of layers 1 to n, ``(B, T, D)`` each; n is L, or less for a cut encoder.
            mask_BT: 1 for tokens that count.
        """
        return self.attend(self.summaries(states, mask_BT))

    def summaries(self, states: Sequence[Tensor], mask_BT: Tensor) -> Tensor:
        """``(B, L, D)``: what each layer says of a text."""
        summary_BLD = torch.stack([pool(one, mask_BT, self.config.tokens) for one in states], dim=1)
        return summary_BLD.to(self.layers_LD.dtype)

    def attend(self, summary_BLD: Tensor) -> Tensor:
        """``(B, D)`` of summaries, to which the vectors of their layers are added here."""
        marked_BLD = summary_BLD + self.layers_LD[: summary_BLD.shape[1]]
        vectors_BD: Tensor = self.attention(marked_BLD, marked_BLD.new_ones(marked_BLD.shape[:2]))
        return vectors_BD
