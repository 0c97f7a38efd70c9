"""Pooling by attention between a text's tokens and trained latent vectors.

``queries: tokens`` is the dictionary of NV-Embed (arXiv 2405.17428): every token asks the latents, and the
mean of what they become is the vector. ``queries: latents`` is the reverse, that of Tang and Yang (arXiv
2409.02727): every latent asks the tokens, and the mean over latents is the vector.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from embedworks.nn.pooling import pool

# Shape legend: B texts, T tokens, D width, R latents, Q queries, K keys, H heads, d width of a head.


class LatentPoolerConfig(BaseModel):
    """The shape of a :class:`LatentPooler`. Stored in ``1_Pooling/config.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int = Field(ge=1, description="D of the states that are pooled")
    latents: int = Field(default=32, ge=1, description="R")
    heads: int = Field(default=4, ge=1)
    head_width: int = Field(default=48, ge=1, description="of one head; H * d need not be D")
    expansion: int = Field(default=4, ge=1, description="the feed-forward layer is so many times as wide")
    queries: Literal["tokens", "latents"] = Field(default="tokens", description="which side asks the other")
    tokens: Literal["all", "last"] = Field(default="all", description="of a text that are pooled")


class LatentPooler(nn.Module):
    """Token states to one vector a text.

    With queries ``X`` and context ``C``, ``A = W_o MHA(W_q LN1(X), W_k LN2(C), W_v LN2(C))``,
    ``Y = X + A``, ``Y' = Y + FF(LN3(Y))`` and ``FF(u) = W_2 (x * gelu(g))`` with ``[x, g] = W_1 u``. The
    vector is the mean of ``Y'`` over the tokens of the mask (``tokens``) or over the latents (``latents``).

    Args:
        config: Its shape.

    Example:
        >>> pooler = LatentPooler(LatentPoolerConfig(width=8, latents=2, heads=2, head_width=4))
        >>> pooler(torch.zeros(3, 5, 8), torch.ones(3, 5)).shape
        torch.Size([3, 8])
    """

    def __init__(self, config: LatentPoolerConfig) -> None:
        super().__init__()
        self.config = config
        width, inner = config.width, config.heads * config.head_width
        self.latents_RD = nn.Parameter(torch.randn(config.latents, width))
        self.query_norm, self.context_norm, self.norm = (nn.LayerNorm(width) for _ in range(3))
        self.query = nn.Linear(width, inner, bias=False)
        self.key = nn.Linear(width, inner, bias=False)
        self.value = nn.Linear(width, inner, bias=False)
        self.out = nn.Linear(inner, width, bias=False)
        self.wide = nn.Linear(width, 2 * config.expansion * width)
        self.narrow = nn.Linear(config.expansion * width, width)

    def forward(self, states_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        """``(B, D)`` in the dtype of the states.

        Args:
            states_BTD: Hidden states of one layer.
            mask_BT: 1 for tokens that count.
        """
        states_BTD = states_BTD.to(self.latents_RD.dtype)
        if self.config.tokens == "last":
            states_BTD = pool(states_BTD, mask_BT, "last").unsqueeze(1)
            mask_BT = mask_BT.new_ones(len(mask_BT), 1)
        latents_BRD = self.latents_RD.expand(len(states_BTD), -1, -1)
        if self.config.queries == "latents":
            return self.transform(latents_BRD, states_BTD, mask_BT).float().mean(1).to(states_BTD.dtype)
        weight_BT1 = mask_BT.unsqueeze(-1)
        total_BD = (self.transform(states_BTD, latents_BRD).float() * weight_BT1).sum(1)
        return (total_BD / weight_BT1.sum(1).clamp(min=1)).to(states_BTD.dtype)

    def transform(self, queries_BQD: Tensor, context_BKD: Tensor, mask_BK: Tensor | None = None) -> Tensor:
        """``Y'``: what the queries become. ``mask_BK`` is 1 for context that may be seen."""
        seen_BQD = queries_BQD + self.attend(queries_BQD, context_BKD, mask_BK)
        x, gate = self.wide(self.norm(seen_BQD)).chunk(2, dim=-1)
        made_BQD: Tensor = self.narrow(x * F.gelu(gate))
        return seen_BQD + made_BQD

    def attend(self, queries_BQD: Tensor, context_BKD: Tensor, mask_BK: Tensor | None = None) -> Tensor:
        """``A``: what the queries take from the context, ``(B, Q, D)``."""
        context_BKD = self.context_norm(context_BKD)
        parts = (self.query(self.query_norm(queries_BQD)), self.key(context_BKD), self.value(context_BKD))
        q, k, v = (part.unflatten(-1, (self.config.heads, -1)).transpose(1, 2) for part in parts)
        mask = None if mask_BK is None else mask_BK[:, None, None, :].bool()
        seen_BHQd = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        taken_BQD: Tensor = self.out(seen_BHQd.transpose(1, 2).flatten(2))
        return taken_BQD


def new_latent_pooler(config: LatentPoolerConfig, seed: int) -> LatentPooler:
    """A pooler with random weights, drawn from the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LatentPooler(config)
