"""mergekit's own files, unchanged: the folder that its command writes and ours hold the same numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from mergekit.config import MergeConfiguration
from mergekit.merge import run_merge
from mergekit.options import MergeOptions

from embedworks.merging.merge import merge
from embedworks.merging.recipe import parse_recipe
from helpers.models import tiny_llama, weights


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("llamas")
    for seed, name in enumerate("abc"):
        tiny_llama(place / name, seed)
    tiny_llama(place / "other", 7, words=("zebra", "yak", "the", "of"))
    return place


def whole(model, **parameters):
    return {"model": model, "parameters": parameters}


RECIPES = {
    "gradients and filters": {
        "merge_method": "linear",
        "models": [
            whole("a", weight=[0, 1]),
            whole("b", weight=[{"filter": "self_attn", "value": 0.3}, {"value": 0.6}]),
        ],
        "dtype": "float32",
    },
    "slices": {
        "merge_method": "slerp",
        "base_model": "a",
        "slices": [
            {"sources": [{"model": "a", "layer_range": [0, 3]}, {"model": "b", "layer_range": [0, 3]}]}
        ],
        "parameters": {
            "t": [
                {"filter": "self_attn", "value": [0, 0.5, 0.3, 0.7, 1]},
                {"filter": "mlp", "value": [1, 0.5, 0.7, 0.3, 0]},
                {"value": 0.5},
            ]
        },
        "dtype": "float32",
    },
    "task vectors": {
        "merge_method": "ties",
        "base_model": "a",
        "models": [
            whole("b", density=[1, 0.7, 0.1], weight=1.0),
            whole("c", density=0.5, weight=[0, 0.3, 1]),
        ],
        "parameters": {"normalize": True, "int8_mask": True},
    },
    "stacked layers": {
        "merge_method": "passthrough",
        "slices": [
            {"sources": [{"model": "a", "layer_range": [0, 2]}]},
            {
                "sources": [
                    {
                        "model": "b",
                        "layer_range": [1, 3],
                        "parameters": {"scale": [{"filter": "o_proj", "value": 0.0}, {"value": 1.0}]},
                    }
                ]
            },
        ],
        "dtype": "bfloat16",
    },
    "model stock": {
        "merge_method": "model_stock",
        "base_model": "a",
        "models": [{"model": "b"}, {"model": "c"}],
        "parameters": {"filter_wise": True},
    },
    "union of tokenizers": {
        "merge_method": "linear",
        "base_model": "a",
        "models": [{"model": "a"}, {"model": "other"}],
        "parameters": {"weight": 0.5},
        "tokenizer_source": "union",
    },
    "the base's tokenizer": {
        "merge_method": "task_arithmetic",
        "base_model": "a",
        "models": [whole("other", weight=0.4)],
        "tokenizer_source": "base",
    },
    "rules for tokens": {
        "merge_method": "linear",
        "models": [whole("a", weight=1), whole("other", weight=2)],
        "tokenizer": {
            "source": "union",
            "pad_to_multiple_of": 8,
            "tokens": {
                "zebra": {"source": {"kind": "zero"}},
                "[NEW]": {"source": {"kind": "model_token", "model": "a", "token": "stone"}},
            },
        },
        "base_model": "a",
    },
}


def by_token(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """Rows of a matrix by token: mergekit numbers new tokens in another order."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"] | {t["content"]: t["id"] for t in tokenizer["added_tokens"]}
    return {token: weights(folder)[name][row] for token, row in vocabulary.items()}


@pytest.mark.parametrize("value", RECIPES.values(), ids=RECIPES)
def test_the_result_is_mergekits(place, tmp_path, monkeypatch, value):
    monkeypatch.chdir(place)
    options = MergeOptions(write_model_card=False, quiet=True)
    run_merge(MergeConfiguration.model_validate(value), str(tmp_path / "theirs"), options)
    merge(parse_recipe(value), Path, tmp_path / "ours")
    theirs, ours = weights(tmp_path / "theirs"), weights(tmp_path / "ours")
    assert set(ours) == set(theirs)
    for name, expected in theirs.items():
        assert ours[name].dtype == expected.dtype
        assert ours[name].shape == expected.shape
        if "tokenizer" in "".join(value) and expected.shape[0] == theirs["lm_head.weight"].shape[0]:
            rows = by_token(tmp_path / "ours", name)
            for token, row in by_token(tmp_path / "theirs", name).items():
                assert torch.allclose(rows[token], row, atol=1e-6), token
        else:
            assert torch.allclose(ours[name].float(), expected.float(), atol=1e-6), name
    configs = [json.loads((tmp_path / who / "config.json").read_text()) for who in ("ours", "theirs")]
    keys = ("num_hidden_layers", "vocab_size", "hidden_size", "dtype")
    assert [configs[0].get(key) for key in keys] == [configs[1].get(key) for key in keys]
