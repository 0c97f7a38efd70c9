"""A bag of words as an encoder: the mean of word embeddings, and an MLP behind it.

Every position has the same state, so it is pooled by ``cls``. It has the interface of a model of
transformers (config, safetensors, ``AutoModel``), so whatever trains, saves or serves encoders takes it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

# Shape legend: B texts, T tokens, E width of word embeddings, k output dimensions.


class BagOfWordsConfig(PretrainedConfig):
    """Sizes of a :class:`BagOfWords`.

    Args:
        vocab_size: Number of tokens.
        embedding_size: E.
        hidden_size: k, also of the MLP's inner layer.
        max_position_embeddings: Longest input in tokens; there are no positions, this is for readers.
        initializer_range: Standard deviation of new word vectors. BERT's 0.02 is for tables that a norm
            follows; a mean of such vectors would be next to nothing.
    """

    model_type = "embedworks-bag-of-words"

    def __init__(
        self,
        vocab_size: int = 30_522,
        embedding_size: int = 768,
        hidden_size: int = 512,
        max_position_embeddings: int = 512,
        initializer_range: float = 1.0,
        **options: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.embedding_size = embedding_size
        self.hidden_size = hidden_size
        self.max_position_embeddings = max_position_embeddings
        self.initializer_range = initializer_range
        self.num_hidden_layers = 1
        super().__init__(**options)


class BagOfWords(PreTrainedModel):
    """``W2 tanh(W1 mean_t(E[x_t]) + b1) + b2``; padding does not count.

    The order of words does not matter, nor which text of the same words it was.
    """

    config_class = BagOfWordsConfig
    base_model_prefix = "bag"
    config: BagOfWordsConfig

    def __init__(self, config: BagOfWordsConfig) -> None:
        super().__init__(config)
        self.words = nn.Embedding(config.vocab_size, config.embedding_size)
        mlp = nn.Sequential(
            nn.Linear(config.embedding_size, config.hidden_size),
            nn.Tanh(),
            nn.Linear(config.hidden_size, config.hidden_size),
        )
        self.layers = nn.ModuleList([mlp])
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The table of words."""
        return self.words

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **_options: Any
    ) -> BaseModelOutput:
        """``(B, T, k)`` states, the same at every position of a text.

        Args:
            input_ids: ``(B, T)``.
            attention_mask: ``(B, T)``, 1 for tokens that count; None: all.
        """
        counts_BT = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        words_BTE = self.words(input_ids)
        weight_BT1 = counts_BT.unsqueeze(-1).to(words_BTE.dtype)
        mean_BE = (words_BTE * weight_BT1).sum(1) / weight_BT1.sum(1).clamp(min=1)
        (mlp,) = self.layers
        states_BTk = mlp(mean_BE)[:, None].expand(-1, input_ids.shape[1], -1)
        return BaseModelOutput(last_hidden_state=states_BTk, hidden_states=(states_BTk, states_BTk))

    def _init_weights(self, module: nn.Module) -> None:
        """Word vectors by their standard deviation, layers by Glorot."""
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)


AutoConfig.register(BagOfWordsConfig.model_type, BagOfWordsConfig)
AutoModel.register(BagOfWordsConfig, BagOfWords)
