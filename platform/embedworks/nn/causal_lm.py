"""Small causal language models of known architectures, made from their sizes; and their loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Architecture = Literal["gpt2", "llama", "qwen2"]

# Shape legend: B texts, T tokens, D width, V vocabulary, M predicted tokens.


class CausalLmConfig(BaseModel):
    """The sizes of a new decoder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: Architecture = Field(
        default="llama",
        description="gpt2: learned places, LayerNorm; others: rotary places, RMSNorm, SwiGLU",
    )
    layers: int = Field(default=6, ge=1)
    width: int = Field(default=192, ge=8)
    heads: int = Field(default=4, ge=1, description="divides the width")
    inner_width: int | None = Field(default=None, ge=8, description="of the feed-forward layers; null: 4 D")
    max_length: int = Field(default=512, ge=4, description="tokens that it reads")

    @model_validator(mode="after")
    def _check(self) -> CausalLmConfig:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not divisible by heads {self.heads}")
        return self


def new_causal_lm(config: CausalLmConfig, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """A decoder with random weights, drawn from torch's global random state.

    Args:
        config: Its sizes.
        tokenizer: Its vocabulary; ``[CLS]`` and ``[SEP]`` are what it begins and ends with, where the
            tokenizer names no others.
    """
    inner = config.inner_width or 4 * config.width
    tokens = {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": _first(tokenizer.bos_token_id, tokenizer.cls_token_id),
        "eos_token_id": _first(tokenizer.eos_token_id, tokenizer.sep_token_id),
        "use_cache": False,
    }
    sizes: dict[str, Any]
    if config.architecture == "gpt2":
        sizes = {
            "n_embd": config.width,
            "n_layer": config.layers,
            "n_head": config.heads,
            "n_inner": inner,
            "n_positions": config.max_length,
            **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0),
        }
    else:
        sizes = {
            "hidden_size": config.width,
            "num_hidden_layers": config.layers,
            "num_attention_heads": config.heads,
            "num_key_value_heads": config.heads,
            "intermediate_size": inner,
            "max_position_embeddings": config.max_length,
        }
    made: PreTrainedModel = AutoModel.from_config(
        AutoConfig.for_model(config.architecture, **tokens, **sizes), dtype=torch.float32
    )
    return made


def next_token_loss(states_BTD: Tensor, ids_BT: Tensor, mask_BT: Tensor, table_VD: Tensor) -> Tensor:
    """Mean cross-entropy of each real token given those before it; 0 where there is none.

    ``logits = E h`` with ``E`` the word embeddings: the head is tied and has no weights of its own, so
    nothing is thrown away when the model becomes an embedder.

    Args:
        states_BTD: Last states of a model that attends causally.
        ids_BT: The tokens.
        mask_BT: 1 for real tokens.
        table_VD: Word embeddings.
    """
    chosen_BT = mask_BT[:, 1:].bool()
    logits_MV = F.linear(states_BTD[:, :-1][chosen_BT], table_VD).float()
    total = F.cross_entropy(logits_MV, ids_BT[:, 1:][chosen_BT], reduction="sum")
    return total / chosen_BT.sum().clamp(min=1)


def masked_next_token_loss(states_BTD: Tensor, labels_BT: Tensor, table_VD: Tensor) -> Tensor:
    """Mean cross-entropy of each blanked token, scored by the state in front of it; 0 where there is none.

    Masked next-token prediction (LLM2Vec, arXiv 2404.05961): the model attends both ways, and token t is
    read from position t - 1, where a causal model has learnt to say it.

    Args:
        states_BTD: Last states of a model that attends both ways.
        labels_BT: The tokens at blanks; -100 elsewhere. Nothing predicts the first token of a text.
        table_VD: Word embeddings, which are the head.
    """
    chosen_BT = labels_BT[:, 1:] >= 0
    logits_MV = F.linear(states_BTD[:, :-1][chosen_BT], table_VD).float()
    total = F.cross_entropy(logits_MV, labels_BT[:, 1:][chosen_BT], reduction="sum")
    return total / chosen_BT.sum().clamp(min=1)


def _first(*ids: int | None) -> int | None:
    return next((one for one in ids if one is not None), None)
