"""Tiny random embedders, built in milliseconds, for tests that need a real folder."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.nn.causal_lm import Architecture, CausalLmConfig, new_causal_lm
from embedworks.nn.latent_pooling import LatentPooler, LatentPoolerConfig
from embedworks.nn.multi_layer_pooling import MultiLayerPooler, MultiLayerPoolerConfig

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WORDS = """
    a the of in is to red green blue bird fish stone river sing swim fall grow old new
    sort list map open file read write number text word cat dog sun moon tree
"""
WORDS = tuple(_WORDS.split())
# Of every length: none, one word, more than a tiny model reads.
UNEVEN_TEXTS = [
    "the cat",
    "a bird and a fish sing in the river " * 3,
    "stone",
    "",
    "sort the list!",
    "tree " * 200,
]


def tiny_tokenizer(words: tuple[str, ...] = WORDS) -> PreTrainedTokenizerFast:
    """A lower-casing WordPiece over a few whole words and every letter, so nothing is unknown."""
    pieces = [*SPECIALS, *string.ascii_lowercase, *(f"##{c}" for c in string.ascii_lowercase)]
    pieces += [*string.digits, *(f"##{c}" for c in string.digits), *".,?!-'()"]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys([*pieces, *words]))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=ends
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **dict(zip(names, SPECIALS, strict=True)))


def tiny_model(
    *,
    layers: int = 4,
    width: int = 32,
    heads: int = 2,
    max_length: int = 64,
    dropout: float = 0.0,
    seed: int = 0,
    **settings: Any,
) -> Embedder:
    """A random BERT embedder in memory; ``settings`` are those of :class:`EmbedderSettings`."""
    tokenizer = tiny_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=2 * width,
        max_position_embeddings=max_length,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = BertModel(config, add_pooling_layer=False)
        # Weights of BERT's own 0.02 would make every text nearly the same vector at this width.
        for parameter in encoder.parameters():
            if parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=0.2)
    return Embedder(encoder.eval(), tokenizer, EmbedderSettings(max_length=max_length, **settings))


# What a decoder may be pooled by: keys of :func:`tiny_decoder`.
POOLERS: dict[str, dict[str, Any]] = {
    "mean": {"pooling": "mean"},
    "max": {"pooling": "max"},
    "cls": {"pooling": "cls"},
    "last": {"pooling": "last"},
    "weighted-mean": {"pooling": "weighted-mean"},
    "tokens": {"pooler": {"queries": "tokens"}},
    "latents": {"pooler": {"queries": "latents"}},
    "latents-last": {"pooler": {"queries": "latents", "tokens": "last"}},
    "layer-means": {"pooling": "multi-layer", "pooler": {"tokens": "mean"}},
    "layer-ends": {"pooling": "multi-layer", "pooler": {"tokens": "last"}},
}


def tiny_decoder(
    *,
    architecture: Architecture = "llama",
    layers: int = 3,
    width: int = 32,
    heads: int = 2,
    max_length: int = 64,
    seed: int = 0,
    pooler: dict[str, Any] | None = None,
    **settings: Any,
) -> Embedder:
    """A random decoder as an embedder; ``pooler`` are keys of a learned pooler's config, if it has one."""
    tokenizer = tiny_tokenizer()
    sizes = CausalLmConfig(
        architecture=architecture, layers=layers, width=width, heads=heads, max_length=max_length
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = new_causal_lm(sizes, tokenizer)
        for parameter in encoder.parameters():
            if parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=0.2)
        learned: LatentPooler | MultiLayerPooler | None = None
        if pooler is not None:
            shape = {"width": width, "latents": 4, "heads": 2, "head_width": 8, "expansion": 2, **pooler}
            if settings.setdefault("pooling", "latent") == "latent":
                learned = LatentPooler(LatentPoolerConfig(**shape))
            else:
                learned = MultiLayerPooler(MultiLayerPoolerConfig(layers=layers, **shape))
    made = EmbedderSettings(max_length=max_length, **settings)
    return Embedder(encoder.eval(), tokenizer, made, pooler=learned)


def tiny_embedder(folder: str | Path, layers: int = 4, width: int = 32, **options: Any) -> Path:
    """Write a tiny embedder folder and return its path; options as in :func:`tiny_model`."""
    return tiny_model(layers=layers, width=width, **options).save(folder)
