"""Prefix, stack and heads are read off a model's names."""

from __future__ import annotations

import pytest

from embedworks.merging.names import is_vocabulary, read_naming

# What real architectures call their tensors: names, depth -> prefix, stack.
BERT = [
    "embeddings.word_embeddings.weight",
    "encoder.layer.0.output.dense.bias",
    "encoder.layer.1.x",
    "pooler.y",
]
BERT_MLM = [f"bert.{name}" for name in BERT] + ["cls.predictions.bias"]
LLAMA = [
    "model.embed_tokens.weight",
    "model.layers.0.mlp.w",
    "model.layers.1.mlp.w",
    "model.norm.weight",
    "lm_head.weight",
]
DEBERTA = [
    "embeddings.word_embeddings.weight",
    "encoder.rel_embeddings.weight",
    "encoder.layer.0.a",
    "encoder.layer.1.a",
]
T5 = [
    "shared.weight",
    "encoder.block.0.layer.0.q",
    "encoder.block.1.layer.0.q",
    "encoder.embed_tokens.weight",
]
DISTIL = ["embeddings.word_embeddings.weight", "transformer.layer.0.q", "transformer.layer.1.q"]
GPT2 = ["wte.weight", "wpe.weight", "h.0.attn.w", "h.1.attn.w", "ln_f.weight"]
NEOX = ["gpt_neox.embed_in.weight", "gpt_neox.layers.0.a", "gpt_neox.layers.1.a", "embed_out.weight"]


@pytest.mark.parametrize(
    ("names", "prefix", "stack"),
    [
        (BERT, "", "encoder.layer."),
        (BERT_MLM, "bert.", "encoder.layer."),
        (LLAMA, "model.", "layers."),
        (DEBERTA, "", "encoder.layer."),
        (T5, "", "encoder.block."),
        (DISTIL, "", "transformer.layer."),
        (GPT2, "", "h."),
        (NEOX, "gpt_neox.", "layers."),
    ],
)
def test_prefix_and_stack(names, prefix, stack):
    naming = read_naming(names, {"num_hidden_layers": 2})
    assert (naming.prefix, naming.stack, naming.depth) == (prefix, stack, 2)


def test_one_layer_without_a_depth_in_the_config_is_a_stack_as_well():
    assert read_naming(["embeddings.weight", "encoder.layer.0.a"], {}).depth == 1
    assert read_naming(["a.weight"], {}) == read_naming(["b.weight"], {})


def test_names_become_canonical_and_heads_are_told_apart():
    naming = read_naming(BERT_MLM, {"num_hidden_layers": 2})
    assert naming.canonical("bert.encoder.layer.0.output.LayerNorm.gamma") == (
        "encoder.layer.0.output.LayerNorm.weight"
    )
    assert naming.is_head("cls.predictions.bias")
    assert not naming.is_head("bert.pooler.y")
    assert naming.layer("encoder.layer.1.x") == (1, "x")
    assert naming.layer("embeddings.word_embeddings.weight") is None


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("embeddings.word_embeddings.weight", (100, 8), True),
        ("lm_head.weight", (100, 8), True),
        ("embeddings.position_embeddings.weight", (100, 8), False),
        ("embeddings.word_embeddings.weight", (64, 8), False),
        ("scale", (), False),
    ],
)
def test_rows_of_a_vocabulary(name, shape, expected):
    assert is_vocabulary(name, shape, 100) is expected
