"""Two encoders in one: one for texts that begin with a mark, queries, and one for all others, documents.

Which one reads a text is told by its tokens, so whatever puts a prompt in front of queries (evaluation,
serving, search) needs to know nothing of it. It has the interface of a model of transformers (config,
safetensors, ``AutoModel``), and is pooled by ``cls``: the towers have pooled already.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

import embedworks.nn.bag_of_words  # noqa: F401  # AutoModel has to know it
from embedworks.nn.callers import begins_with
from embedworks.nn.encoder import last_states
from embedworks.nn.pooling import Pooling, pool

# Shape legend: B texts, T tokens, k output dimensions.


class TwoTowersConfig(PretrainedConfig):
    """What the towers are.

    Args:
        tower: Config of either encoder, as its ``to_dict()`` gives it.
        hidden_size: k.
        pooling: How a tower pools its states.
        mark: Id of the token that begins a query, behind the special token that begins every text.
    """

    model_type = "embedworks-two-towers"

    def __init__(
        self,
        tower: dict[str, Any] | None = None,
        hidden_size: int = 512,
        mark: int = 0,
        pooling: Pooling = "cls",
        **options: Any,
    ) -> None:
        self.tower = tower or {}
        self.hidden_size = hidden_size
        self.mark = mark
        self.pooling = pooling
        self.num_hidden_layers = 1
        self.vocab_size = self.tower.get("vocab_size", 0)
        self.max_position_embeddings = self.tower.get("max_position_embeddings", 512)
        super().__init__(**options)


class Tower(nn.Module):
    """An encoder, pooled, and a linear layer."""

    def __init__(self, config: TwoTowersConfig) -> None:
        super().__init__()
        options = dict(config.tower)
        inner = AutoConfig.for_model(options.pop("model_type", "bert"), **options)
        extra = {"add_pooling_layer": False} if inner.model_type == "bert" else {}
        self.encoder: PreTrainedModel = AutoModel.from_config(inner, **extra)
        self.pooling = config.pooling
        self.head = nn.Linear(inner.hidden_size, config.hidden_size)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """``(B, k)`` vectors."""
        states_BTD = last_states(self.encoder, input_ids, attention_mask)
        vectors: Tensor = self.head(pool(states_BTD, attention_mask, self.pooling))
        return vectors


class TwoTowers(PreTrainedModel):
    """``phi`` for queries and ``psi`` for documents, which share nothing."""

    config_class = TwoTowersConfig
    base_model_prefix = "towers"
    config: TwoTowersConfig

    def __init__(self, config: TwoTowersConfig) -> None:
        super().__init__(config)
        self.layers = nn.ModuleList([nn.ModuleDict({"query": Tower(config), "document": Tower(config)})])
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The table of the documents' tower."""
        table: nn.Module = self.towers["document"].encoder.get_input_embeddings()
        return table

    @property
    def towers(self) -> Any:
        """Side -> tower."""
        return self.layers[0]

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **_options: Any
    ) -> BaseModelOutput:
        """``(B, T, k)`` states, of which the first of each text is its vector and the others are the same.

        Args:
            input_ids: ``(B, T)``; queries and documents in any order.
            attention_mask: ``(B, T)``, 1 for real tokens; None: all.
        """
        mask_BT = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        is_query_B = begins_with(input_ids, self.config.mark)
        vectors_Bk = None
        for side, rows_B in (("query", is_query_B), ("document", ~is_query_B)):
            if rows_B.any():
                found = self.towers[side](input_ids[rows_B], mask_BT[rows_B])
                if vectors_Bk is None:
                    vectors_Bk = found.new_zeros(len(input_ids), found.shape[1])
                vectors_Bk = vectors_Bk.masked_scatter(rows_B[:, None], found)
        if vectors_Bk is None:
            vectors_Bk = torch.zeros(0, self.config.hidden_size)
        states_BTk = vectors_Bk[:, None].expand(-1, input_ids.shape[1], -1)
        return BaseModelOutput(last_hidden_state=states_BTk, hidden_states=(states_BTk, states_BTk))

    def _init_weights(self, module: nn.Module) -> None:
        """Heads as BERT's layers; the encoders have made theirs themselves."""
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)


AutoConfig.register(TwoTowersConfig.model_type, TwoTowersConfig)
AutoModel.register(TwoTowersConfig, TwoTowers)
