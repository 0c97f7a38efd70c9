"""A BERT with random weights, of any size."""

from __future__ import annotations

from transformers import BertConfig, BertModel


def new_bert(
    *, vocabulary: int, width: int, layers: int, heads: int, max_length: int, pad_id: int | None
) -> BertModel:
    """BERT's encoder without its pooling layer; the inner layers are four times as wide.

    Args:
        vocabulary: Number of tokens.
        width: Of states; a multiple of ``heads``.
        layers: Depth.
        heads: Of attention.
        max_length: Positions, in tokens.
        pad_id: Id of the padding, whose embedding stays zero.
    """
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=max_length,
        pad_token_id=pad_id,
    )
    return BertModel(config, add_pooling_layer=False)
