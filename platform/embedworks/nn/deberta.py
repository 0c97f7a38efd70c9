"""DeBERTa's parts beside its encoder: enhanced mask decoder, masked-token head, replaced-token head.

The encoder is transformers' ``DebertaV2Model``. Its attention logits are, for every head,

    A_ij = (q_i . k_j  +  q_i . kP_delta(i,j)  +  qP_delta(i,j) . k_j) / sqrt(3 d_h)
    delta(i,j) = clamp(bucket(i - j) + k, 0, 2k - 1)

where kP and qP are the content projections of the LayerNormed relative table. The paper writes
delta(j,i) in the third term. The authors' code and transformers gather column bucket(j - i), negated,
from the transposed product, which is delta(i,j) again; that is kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import DebertaV2Config, DebertaV2Model, PreTrainedModel

from embedworks.errors import InputError

# Shape legend: B texts, T tokens, D width, V vocabulary, M masked positions of the whole batch.


def deberta_config(
    *,
    vocab_size: int,
    layers: int,
    width: int,
    heads: int,
    max_length: int,
    buckets: int,
    dropout: float,
) -> DebertaV2Config:
    """DeBERTaV3's architecture in any size: no absolute positions at the input, c2p and p2c.

    Args:
        vocab_size: Rows of the token table.
        layers: Depth.
        width: Width D; the feed-forward layers are 4 D wide.
        heads: Attention heads a layer.
        max_length: Longest input in tokens; the logarithmic buckets end there.
        buckets: k, the buckets of one direction; the relative table has 2 k rows.
        dropout: On states and attention alike.
    """
    # Three of these keys are read by the model but not declared by its config class.
    undeclared: dict[str, Any] = {
        "position_buckets": buckets,
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
    }
    return DebertaV2Config(
        vocab_size=vocab_size,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=max_length,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        layer_norm_eps=1e-7,
        type_vocab_size=0,
        position_biased_input=False,
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
        max_relative_positions=-1,
        **undeclared,
    )


def require_deberta(model: PreTrainedModel, where: str) -> DebertaV2Model:
    """The model itself, if it is a DeBERTa whose layers the mask decoder can run.

    Raises:
        InputError: for another architecture, absolute positions at the input, or a convolution.
    """
    config = model.config
    if not isinstance(model, DebertaV2Model):
        raise InputError(f"it is a {config.model_type!r} model", where=where, expected="'deberta-v2'")
    for key, wanted in (("relative_attention", True), ("position_biased_input", False)):
        if getattr(config, key) is not wanted:
            raise InputError(f"its config has {key}={not wanted}", where=where, expected=str(wanted))
    if getattr(config, "conv_kernel_size", 0) or model.embeddings.embed_proj is not None:
        raise InputError(
            "it has a convolution or a factorised token table", where=where, expected="neither"
        )
    return model


class MaskedTokenHead(nn.Module):
    """Linear, GELU, LayerNorm, then the transposed token table and a bias for every token."""

    def __init__(self, config: DebertaV2Config) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        _initialise(self.dense, std=config.initializer_range)

    def forward(self, states_MD: Tensor, table_VD: Tensor) -> Tensor:
        """``(M, V)`` float32 logits; the table is the generator's input embedding."""
        hidden_MD = self.norm(nn.functional.gelu(self.dense(states_MD)))
        logits_MV: Tensor = hidden_MD @ table_VD.t() + self.bias
        return logits_MV.float()


class ReplacedTokenHead(nn.Module):
    """LayerNorm(h_i + h_CLS), Linear, GELU, Linear to one logit: was token i replaced?"""

    def __init__(self, config: DebertaV2Config) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.classifier = nn.Linear(config.hidden_size, 1)
        _initialise(self.dense, self.classifier, std=config.initializer_range)

    def forward(self, states_BTD: Tensor) -> Tensor:
        """``(B, T)`` float32 logits from ``(B, T, D)`` states whose first position is [CLS]."""
        hidden_BTD = self.dense(self.norm(states_BTD + states_BTD[:, :1]))
        logits_BT1: Tensor = self.classifier(nn.functional.gelu(hidden_BTD))
        return logits_BT1.squeeze(-1).float()


class MaskedDeberta(nn.Module):
    """A DeBERTa encoder with the enhanced mask decoder and a masked-token head.

    Absolute positions enter here only: added to ``h_{L-1}`` they are the first queries of the last
    layer, which runs twice with keys and values ``h_{L-1}``.

    Args:
        encoder: The encoder; its token table is the head's output matrix as well.
    """

    def __init__(self, encoder: DebertaV2Model) -> None:
        super().__init__()
        config = encoder.config
        self.encoder = encoder
        self.positions = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.head = MaskedTokenHead(config)
        _initialise(self.positions, std=config.initializer_range)

    @property
    def table(self) -> nn.Embedding:
        """The token table."""
        table = self.encoder.embeddings.word_embeddings
        assert isinstance(table, nn.Embedding)
        return table

    def decode(self, input_ids_BT: Tensor, attention_mask_BT: Tensor) -> Tensor:
        """``(B, T, D)`` states after the second pass of the last layer."""
        stack = self.encoder.encoder
        hidden_BTD = self.encoder.embeddings(input_ids=input_ids_BT, mask=attention_mask_BT)
        shared = {
            "attention_mask": stack.get_attention_mask(attention_mask_BT),
            "relative_pos": stack.get_rel_pos(hidden_BTD),
            "rel_embeddings": stack.get_rel_embedding(),
        }
        *below, last = stack.layer
        for layer in below:
            hidden_BTD, _ = layer(hidden_BTD, **shared)
        places_T = torch.arange(input_ids_BT.shape[1], device=input_ids_BT.device)
        query_BTD: Tensor = hidden_BTD + self.positions(places_T)
        for _ in range(2):
            query_BTD, _ = last(hidden_BTD, query_states=query_BTD, **shared)
        return query_BTD

    def forward(self, input_ids_BT: Tensor, attention_mask_BT: Tensor, chosen_BT: Tensor) -> Tensor:
        """``(M, V)`` float32 logits at the positions where ``chosen_BT`` is true, row by row."""
        states_MD = self.decode(input_ids_BT, attention_mask_BT)[chosen_BT]
        logits_MV: Tensor = self.head(states_MD, self.table.weight)
        return logits_MV


def _initialise(*modules: nn.Linear | nn.Embedding, std: float) -> None:
    for module in modules:
        nn.init.normal_(module.weight, std=std)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
