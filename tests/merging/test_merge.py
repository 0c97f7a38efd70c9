"""From a recipe to a folder that can be used: everything that models may differ in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder import read_lineage, weights_digest
from embedworks.merging.merge import merge, plan_merge
from embedworks.merging.recipe import parse_recipe
from helpers.models import rewrite, set_config, tiny_llama, weights
from helpers.tiny import tiny_decoder, tiny_embedder, tiny_tokenizer

MEAN = {"merge_method": "linear", "parameters": {"weight": 1}}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    for seed, name in enumerate("abc"):
        tiny_embedder(place / name, seed=seed, layers=2, width=16)
    return place


@pytest.fixture
def merged(place, tmp_path):
    """Merges the recipe of a mapping; the folder and what was noted."""

    def run(value, **options):
        found = merge(parse_recipe(value), lambda name: Path(place / name), tmp_path / "out", **options)
        return found.folder, found

    return run


def models(*names):
    return {"models": [{"model": str(name)} for name in names]}


def test_the_mean_of_two_is_an_embedder_with_lineage(place, merged):
    folder, found = merged(MEAN | models("a", "b"))
    for name, value in weights(folder).items():
        expected = (weights(place / "a")[name] + weights(place / "b")[name]) / 2
        assert torch.allclose(value, expected, atol=1e-7)
    assert Embedder.load(folder).encode(["a fish"]).shape == (1, 16)
    parents = [(parent["source"], parent["sha256"]) for parent in read_lineage(folder).parents]
    assert parents == [(name, weights_digest(place / name)) for name in "ab"]
    assert found.as_dict()["tensors"] == len(weights(folder))
    assert (folder / "2_Normalize").is_dir() or (folder / "modules.json").is_file()


def test_settings_vary_with_depth_and_name(place, merged):
    value = models("a", "b") | {"merge_method": "linear"}
    value["models"][0]["parameters"] = {"weight": [0, 1]}
    value["models"][1]["parameters"] = {"weight": [{"filter": "query", "value": 3}, {"value": [1, 0]}]}
    folder, _ = merged(value)
    a, b, found = weights(place / "a"), weights(place / "b"), weights(folder)
    assert torch.equal(found["encoder.layer.0.output.dense.bias"], b["encoder.layer.0.output.dense.bias"])
    assert torch.equal(found["encoder.layer.1.output.dense.bias"], a["encoder.layer.1.output.dense.bias"])
    name = "encoder.layer.1.attention.self.query.weight"
    assert torch.allclose(found[name], (a[name] + 3 * b[name]) / 4, atol=1e-7)


def test_a_model_with_prefix_and_head_is_merged_by_what_it_shares(place, tmp_path, merged):
    torch.manual_seed(9)
    BertForMaskedLM(BertConfig.from_pretrained(place / "a")).save_pretrained(tmp_path / "mlm")
    tiny_tokenizer().save_pretrained(tmp_path / "mlm")
    rewrite(
        tmp_path / "mlm",
        lambda t: {k.replace("LayerNorm.weight", "LayerNorm.gamma"): v for k, v in t.items()},
    )
    folder, found = merged(MEAN | models("a", tmp_path / "mlm"))
    name = "encoder.layer.0.output.LayerNorm.weight"
    other = weights(tmp_path / "mlm")["bert." + name.replace("weight", "gamma")]
    assert torch.allclose(weights(folder)[name], (weights(place / "a")[name] + other) / 2)
    assert set(weights(folder)) == set(weights(place / "a"))
    assert "no embedder reads" in found.notes[0]


def test_shards_are_read_as_one_model(place, tmp_path, merged):
    model = Embedder.load(place / "b")
    model.save(tmp_path / "sharded")
    (tmp_path / "sharded/model.safetensors").unlink()
    model.encoder.save_pretrained(tmp_path / "sharded", max_shard_size="5KB")
    assert len(list((tmp_path / "sharded").glob("*.safetensors"))) > 2
    folder, _ = merged(MEAN | models(tmp_path / "sharded"))
    assert all(torch.equal(v, weights(place / "b")[k]) for k, v in weights(folder).items())


def test_a_projection_is_merged_too_and_must_be_in_all(place, tmp_path, merged):
    for seed, name in enumerate("pq"):
        model = Embedder.load(place / "ab"[seed])
        torch.manual_seed(seed)
        model.projection = torch.nn.Linear(16, 4)
        model.save(tmp_path / name)
    folder, _ = merged(MEAN | models(tmp_path / "p", tmp_path / "q"))
    p, q, found = (
        weights(x, "2_Dense/model.safetensors") for x in (tmp_path / "p", tmp_path / "q", folder)
    )
    assert torch.allclose(found["linear.weight"], (p["linear.weight"] + q["linear.weight"]) / 2)
    with pytest.raises(InputError, match="has no tensor 2_Dense"):
        merged(MEAN | models(tmp_path / "p", "a"), replace=True)


def test_a_learned_pooler_is_merged_too(tmp_path, merged):
    for seed, name in enumerate("pq"):
        tiny_decoder(seed=seed, pooler={}).save(tmp_path / name)
    folder, _ = merged(MEAN | models(tmp_path / "p", tmp_path / "q"))
    p, q, found = (Embedder.load(x).pooler.latents_RD for x in (tmp_path / "p", tmp_path / "q", folder))
    assert torch.allclose(found, (p + q) / 2)
    assert not torch.allclose(p, q)


def test_layers_are_stacked_and_the_configuration_follows(place, merged):
    def part(model, *layers):
        return {"sources": [{"model": model, "layer_range": layers}]}

    value = {"merge_method": "linear", "parameters": {"weight": 1}}
    folder, _ = merged(value | {"slices": [part("a", 0, 2), part("b", 1, 2)]})
    assert json.loads((folder / "config.json").read_text())["num_hidden_layers"] == 3
    found = weights(folder)
    name = "encoder.layer.{}.output.dense.weight"
    assert torch.equal(found[name.format(2)], weights(place / "b")[name.format(1)])
    assert Embedder.load(folder).full_pair == (3, 16)


def test_types_of_input_and_output(place, tmp_path, merged):
    Embedder.load(place / "b").save(tmp_path / "half")
    rewrite(tmp_path / "half", lambda tensors: {k: v.half() for k, v in tensors.items()})
    folder, _ = merged(MEAN | models("a", tmp_path / "half") | {"dtype": "bfloat16"})
    assert {value.dtype for value in weights(folder).values()} == {torch.bfloat16}
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    name = "encoder.layer.0.output.dense.weight"
    expected = (weights(place / "a")[name] + weights(tmp_path / "half")[name].float()) / 2
    assert torch.equal(weights(folder)[name], expected.bfloat16()), "calculated in float32, rounded once"


def test_vocabularies_that_differ_are_joined_when_asked(place, tmp_path, merged):
    tiny_llama(tmp_path / "x", 0, words=("fish", "stone"))
    tiny_llama(tmp_path / "y", 1, words=("zebra", "fish"))
    value = MEAN | models(tmp_path / "x", tmp_path / "y")
    with pytest.raises(InputError, match="different vocabularies; expected tokenizer_source"):
        merged(value)
    folder, _ = merged(value | {"tokenizer_source": "union"})
    vocabulary = {
        name: json.loads((tmp_path / name / "tokenizer.json").read_text())["model"]["vocab"]
        for name in "xy"
    }
    joint = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    assert set(joint) == set(vocabulary["x"]) | set(vocabulary["y"])
    assert json.loads((folder / "config.json").read_text())["vocab_size"] == len(joint)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        x, y, found = weights(tmp_path / "x")[name], weights(tmp_path / "y")[name], weights(folder)[name]
        row = {token: (vocabulary["x"].get(token), vocabulary["y"].get(token)) for token in joint}
        assert torch.equal(found[joint["zebra"]], y[row["zebra"][1]])
        assert torch.equal(found[joint["stone"]], x[row["stone"][0]])
        assert torch.allclose(found[joint["fish"]], (x[row["fish"][0]] + y[row["fish"][1]]) / 2)
    assert Embedder.load(folder).encode(["a zebra and a stone"]).isfinite().all()


def test_rows_without_tokens_are_cut(place, tmp_path, merged):
    tiny_llama(tmp_path / "x", 0)
    tiny_llama(tmp_path / "y", 1, vocab_size=len(tiny_tokenizer()) + 3)
    folder, found = merged(MEAN | models(tmp_path / "x", tmp_path / "y"))
    assert weights(folder)["lm_head.weight"].shape == weights(tmp_path / "x")["lm_head.weight"].shape
    assert any("cut to" in note for note in found.notes)


def test_tied_weights_are_merged_once(tmp_path, merged):
    tiny_llama(tmp_path / "x", 0, tie_word_embeddings=True)
    tiny_llama(tmp_path / "y", 1, tie_word_embeddings=True)
    rewrite(tmp_path / "y", lambda t: {**t, "lm_head.weight": t["model.embed_tokens.weight"].clone()})
    folder, _ = merged(MEAN | models(tmp_path / "x", tmp_path / "y"))
    assert "lm_head.weight" not in weights(folder)
    tiny_llama(tmp_path / "z", 2)
    with pytest.raises(InputError, match="ties"):
        merged(MEAN | models(tmp_path / "x", tmp_path / "z"), replace=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: tiny_embedder(p, layers=3, width=16), "layers"),
        (lambda p: tiny_embedder(p, layers=2, width=24), r"\[.*24\].*\[.*16\]"),
        (lambda p: tiny_llama(p, layers=2), "is a llama"),
        (lambda p: p.mkdir(), "no weights"),
        (lambda p: tiny_embedder(p, layers=2, width=16, pooling="cls"), "pooling cls"),
    ],
    ids=["depth", "width", "family", "empty", "pooling"],
)
def test_models_that_do_not_fit_are_refused(tmp_path, merged, change, message):
    change(tmp_path / "odd")
    with pytest.raises(InputError, match=message):
        merged(MEAN | models("a", tmp_path / "odd"))
    assert not (tmp_path / "out").exists()


def test_a_missing_tensor_is_named_with_its_model(place, tmp_path, merged):
    Embedder.load(place / "b").save(tmp_path / "odd")
    name = "encoder.layer.1.output.dense.bias"
    rewrite(tmp_path / "odd", lambda tensors: {k: v for k, v in tensors.items() if k != name})
    with pytest.raises(InputError, match=f"odd has no tensor {name}"):
        merged(MEAN | models("a", tmp_path / "odd"))


def test_a_plan_shows_what_would_be_done(place):
    plan = plan_merge(parse_recipe(MEAN | models("a", "b")), lambda name: place / name)
    assert {one.models for one in plan.tensors} == {("a", "b")}
    assert {one.parameters.weight for one in plan.tensors} == {(1.0, 1.0)}


def test_integer_buffers_are_copied(place, tmp_path, merged):
    for name in "ab":
        Embedder.load(place / name).save(tmp_path / name)
        rewrite(tmp_path / name, lambda t: {**t, "embeddings.steps": torch.tensor([3, 4])})
    folder, _ = merged(MEAN | models(tmp_path / "a", tmp_path / "b"))
    assert weights(folder)["embeddings.steps"].tolist() == [3, 4]


def test_lists_of_the_configuration_follow_the_layers(place, tmp_path, merged):
    Embedder.load(place / "a").save(tmp_path / "a")
    set_config(tmp_path / "a", kinds=["local", "global"])
    sources = [{"model": str(tmp_path / "a"), "layer_range": span} for span in ([0, 2], [1, 2])]
    value = {"merge_method": "linear", "parameters": {"weight": 1}}
    folder, _ = merged(value | {"slices": [{"sources": [source]} for source in sources]})
    assert json.loads((folder / "config.json").read_text())["kinds"] == ["local", "global", "global"]
