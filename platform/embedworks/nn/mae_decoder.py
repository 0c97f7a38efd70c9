"""The decoder of masked auto-encoders for sentence vectors: one layer, thrown away after training."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.masking_utils import create_bidirectional_mask

from embedworks.errors import InputError
from embedworks.nn.encoder import layer_stack

# Shape legend: B texts, T tokens, D width.


class MaeDecoder(nn.Module):
    """One transformer layer, a copy of the encoder's first, that knows a text only through one vector.

    Args:
        encoder: Of the BERT family: ``embeddings(input_ids=...)``, layers ``(hidden, mask) -> hidden``.

    Raises:
        InputError: for another architecture.
    """

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        _check_family(encoder)
        self.layer = copy.deepcopy(layer_stack(encoder)[0])

    def forward(self, z_BD: Tensor, embedded_BTD: Tensor, mask: Any) -> Tensor:
        """States of the text whose position 0 is ``z``.

        ``z`` replaces an embedding that has its LayerNorm behind it, so it carries no position vector.

        Args:
            z_BD: The vector of each text.
            embedded_BTD: The encoder's embeddings of the corrupted text.
            mask: Attention mask as the layer takes it; see :func:`decoder_inputs`.

        Returns:
            ``(B, T, D)``.
        """
        output = self.layer(torch.cat([z_BD.unsqueeze(1), embedded_BTD[:, 1:]], dim=1), mask)
        states_BTD: Tensor = output[0] if isinstance(output, tuple) else output
        return states_BTD


def decoder_inputs(encoder: Any, ids_BT: Tensor, mask_BT: Tensor) -> tuple[Tensor, Any]:
    """The encoder's own embeddings of ``ids`` and its attention mask, ready for :class:`MaeDecoder`."""
    embedded_BTD: Tensor = encoder.embeddings(input_ids=ids_BT)
    mask: Any = create_bidirectional_mask(encoder.config, embedded_BTD, mask_BT)
    return embedded_BTD, mask


def _check_family(encoder: PreTrainedModel) -> None:
    table = encoder.get_input_embeddings()
    has_embeddings = isinstance(getattr(encoder, "embeddings", None), nn.Module)
    if not has_embeddings or getattr(table, "embedding_dim", None) != encoder.config.hidden_size:
        raise InputError(
            f"a masked auto-encoder cannot be built on a {type(encoder).__name__}",
            expected="an encoder of the BERT family, its word embeddings as wide as its states",
        )
