"""A recurrent encoder behind the interface of transformers' models: word embeddings, then LSTM layers.

It may have several towers that share the word embeddings: a text that begins with a tower's own token is
read by that tower's LSTMs, any other text by those of the first. So one folder holds the encoders of two
kinds of texts, and a prompt says of which kind a text is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from embedworks.nn.callers import begins_with

# Shape legend: B texts, T tokens of a padded text, b texts of a tower, E width of words, D width of states.

MODEL_TYPE = "embedworks-recurrent"


class RecurrentConfig(PretrainedConfig):
    """Sizes of a :class:`RecurrentEncoder`; stored in ``config.json``.

    Args:
        vocab_size: Tokens.
        embedding_size: Width of the word embeddings.
        hidden_size: Width of the states, of both directions together.
        num_hidden_layers: LSTM layers.
        bidirectional: Read texts from both ends.
        dropout: Of word embeddings and of states.
        tower_tokens: Token ids that call the towers, one each; empty for a single tower.
        max_position_embeddings: Longest input in tokens.
    """

    model_type = MODEL_TYPE

    def __init__(
        self,
        vocab_size: int = 8000,
        embedding_size: int = 128,
        hidden_size: int = 256,
        num_hidden_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
        tower_tokens: tuple[int, ...] | list[int] = (),
        max_position_embeddings: int = 512,
        **others: Any,
    ) -> None:
        if bidirectional and hidden_size % 2:
            raise ValueError(f"hidden_size {hidden_size} does not divide into two directions")
        self.vocab_size = vocab_size
        self.embedding_size = embedding_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.tower_tokens = list(tower_tokens)
        self.max_position_embeddings = max_position_embeddings
        super().__init__(**others)


class RecurrentLayer(nn.Module):
    """One LSTM layer of every tower."""

    def __init__(self, config: RecurrentConfig, width: int) -> None:
        super().__init__()
        directions = 1 + config.bidirectional
        self.towers = nn.ModuleList(
            nn.LSTM(
                width,
                config.hidden_size // directions,
                batch_first=True,
                bidirectional=config.bidirectional,
            )
            for _ in range(max(1, len(config.tower_tokens)))
        )

    def forward(self, states_BTE: Tensor, lengths_B: Tensor, tower_B: Tensor) -> Tensor:
        """``(B, T, D)`` states, 0 at padding.

        Args:
            states_BTE: What it reads.
            lengths_B: Tokens of each text, on the CPU.
            tower_B: By which tower each text is read, on the CPU.
        """
        if len(self.towers) == 1:
            return _read(self.towers[0], states_BTE, lengths_B)
        parts, places = [], []
        for number, tower in enumerate(self.towers):
            place_b = (tower_B == number).nonzero()[:, 0]
            if len(place_b):
                parts.append(_read(tower, states_BTE[place_b.to(states_BTE.device)], lengths_B[place_b]))
                places.append(place_b)
        back_B = torch.cat(places).argsort().to(states_BTE.device)
        return torch.cat(parts)[back_B]


def _read(lstm: nn.Module, states_bTE: Tensor, lengths_b: Tensor) -> Tensor:
    # Packed, so that the direction from the end begins at a text's last token and not in its padding.
    packed = pack_padded_sequence(states_bTE, lengths_b, batch_first=True, enforce_sorted=False)
    found, _ = lstm(packed)
    states_bTD: Tensor = pad_packed_sequence(found, batch_first=True, total_length=states_bTE.shape[1])[0]
    return states_bTD


class RecurrentEncoder(PreTrainedModel):
    """Word embeddings and LSTM layers, read as any encoder of transformers is.

    Args:
        config: Its sizes.
    """

    config_class = RecurrentConfig
    config: RecurrentConfig
    base_model_prefix = "recurrent"

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        self.word_embeddings = nn.Embedding(config.vocab_size, config.embedding_size)
        widths = [config.embedding_size] + [config.hidden_size] * (config.num_hidden_layers - 1)
        self.layers = nn.ModuleList(RecurrentLayer(config, width) for width in widths)
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The table of words."""
        return self.word_embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the table of words."""
        assert isinstance(value, nn.Embedding)
        self.word_embeddings = value

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        output_hidden_states: bool = False,
        **_options: Any,
    ) -> BaseModelOutput:
        """States of every layer.

        Args:
            input_ids: ``(B, T)``.
            attention_mask: ``(B, T)``, 1 for real tokens, padding on the right; None: all are real.
            output_hidden_states: Give those of all layers, word embeddings first.
        """
        mask_BT = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        lengths_B = mask_BT.sum(1).clamp(min=1).cpu()
        tower_B = self.towers_of(input_ids).cpu()
        states = [self.dropout(self.word_embeddings(input_ids))]
        for layer in self.layers:
            states.append(self.dropout(layer(states[-1], lengths_B, tower_B)))
        return BaseModelOutput(
            last_hidden_state=states[-1], hidden_states=tuple(states) if output_hidden_states else None
        )

    def towers_of(self, input_ids: Tensor) -> Tensor:
        """``(B,)`` the tower that reads each text: that of the token near its beginning, or the first."""
        tower_B = input_ids.new_zeros(len(input_ids))
        for number, token in enumerate(self.config.tower_tokens):
            tower_B[begins_with(input_ids, token)] = number
        return tower_B

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Torch's own for LSTMs; words of about the length that an LSTM's gates expect."""
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
        elif isinstance(module, nn.LSTM):
            for weight in module.parameters():
                nn.init.uniform_(weight, -(module.hidden_size**-0.5), module.hidden_size**-0.5)


AutoConfig.register(MODEL_TYPE, RecurrentConfig, exist_ok=True)
AutoModel.register(RecurrentConfig, RecurrentEncoder, exist_ok=True)
