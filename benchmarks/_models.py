"""Random models to merge: of the shapes that embedders have, with weights of nothing."""

from __future__ import annotations

import gc
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.folder import load_embedder

WORDS = 200  # of the tokenizer; no text is read here
DISTANCE = 0.02  # of a model's weights from the first one's, as their standard deviation

# width, layers, feed-forward, heads, vocabulary
ENCODERS = {
    "22M": (384, 6, 1536, 12, 30522),  # all-MiniLM-L6-v2
    "110M": (768, 12, 3072, 12, 30522),  # BERT base
    "560M": (1024, 24, 4096, 16, 250002),  # XLM-R large
}
DECODERS = {
    "22M": (384, 6, 1024, 6, 32000),
    "110M": (768, 12, 2048, 12, 32000),
    "560M": (1024, 24, 2816, 16, 250000),
}


def write_models(folder: Path, family: str, size: str, count: int, dtype: torch.dtype) -> list[Path]:
    """Models that differ a little from the first, as fine-tuned ones do.

    Args:
        folder: Where they go.
        family: ``decoder``, a Hugging Face folder of LlamaForCausalLM with tied embeddings; or
            ``encoder``, a sentence-transformers folder of BERT or XLM-R.
        size: Number of parameters, one of ``ENCODERS``.
        count: How many.
        dtype: Of the weights.
    """
    torch.manual_seed(0)
    model = decoder(size) if family == "decoder" else encoder(size)
    first = {name: value.clone() for name, value in model.state_dict().items()} if count > 1 else {}
    folders = []
    for number in range(count):
        if number:
            for name, parameter in model.named_parameters():
                parameter.data.normal_(std=DISTANCE).add_(first[name])
        folders.append(folder / f"{family}-{size}-{number}")
        _save(model.to(dtype), folders[-1], family)
        model = model.to(torch.float32)
    del model, first
    gc.collect()
    return folders


def write_null(folder: Path, like: Path, dimensions: int | None = None) -> Path:
    """An embedder that computes next to nothing, with another one's tokenizer and length of vectors.

    Args:
        folder: Where it goes.
        like: The other one.
        dimensions: Of its vectors; None: as many as the other one's.
    """
    torch.manual_seed(0)
    other = load_embedder(like)
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    config = BertConfig(vocab_size=other.encoder.config.vocab_size, max_position_embeddings=514, **shape)
    encoder = BertModel(config, add_pooling_layer=False)
    projection = torch.nn.Linear(8, dimensions or other.dimensions)
    Embedder(encoder, other.tokenizer, other.settings, projection).save(folder)
    return folder


def decoder(size: str) -> LlamaForCausalLM:
    """A Llama of a size."""
    width, layers, inner, heads, vocabulary = DECODERS[size]
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            tie_word_embeddings=True,
        )
    )


def encoder(size: str) -> BertModel | XLMRobertaModel:
    """A BERT or XLM-R of a size."""
    width, layers, inner, heads, vocabulary = ENCODERS[size]
    kind, config = (XLMRobertaModel, XLMRobertaConfig) if size == "560M" else (BertModel, BertConfig)
    shape = {"hidden_size": width, "num_hidden_layers": layers, "intermediate_size": inner}
    return kind(
        config(vocab_size=vocabulary, num_attention_heads=heads, max_position_embeddings=514, **shape),
        add_pooling_layer=False,
    )


def _save(model: torch.nn.Module, folder: Path, family: str) -> None:
    if family == "encoder":
        Embedder(model, _tokenizer(), EmbedderSettings(max_length=512)).save(folder)
    else:
        model.save_pretrained(folder)
        _tokenizer().save_pretrained(folder)


def _tokenizer() -> PreTrainedTokenizerFast:
    words = {
        word: number for number, word in enumerate(["[PAD]", "[UNK]", *(f"w{i}" for i in range(WORDS))])
    }
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
