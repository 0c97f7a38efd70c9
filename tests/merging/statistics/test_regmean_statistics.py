"""Gram matrices are of the inputs of linear layers, over real tokens alone."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from embedworks.embedder import Embedder
from embedworks.merging.statistics import regmean
from embedworks.merging.statistics.files import read_numbers
from embedworks.merging.statistics.probe import Probe, ProbeCorpus
from helpers.pairs import pair_corpus
from helpers.tiny import tiny_embedder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_embedder(tmp_path_factory.mktemp("model") / "tiny", layers=2, width=16)


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    corpus = pair_corpus(tmp_path_factory.mktemp("corpus") / "pairs")
    return Probe((ProbeCorpus(corpus),), samples=6, batch_size=3, positive_length=12)


@pytest.fixture(scope="module")
def found(model, probe, tmp_path_factory):
    return regmean.collect(model, probe, tmp_path_factory.mktemp("out") / "grams.safetensors")


def test_every_linear_layer_is_measured_and_nothing_else(model, found):
    embedder = Embedder.load(model)
    linear = {f"{n}.weight" for n, m in embedder.encoder.named_modules() if isinstance(m, nn.Linear)}
    grams = load_file(found)
    assert grams.keys() == linear
    shapes = {
        name: value.shape[1]
        for name, value in load_file(model / "model.safetensors").items()
        if name in linear
    }
    assert {name: tuple(gram.shape) for name, gram in grams.items()} == {
        n: (s, s) for n, s in shapes.items()
    }


def test_it_equals_texts_read_one_by_one_which_need_no_padding(model, probe, found):
    embedder = Embedder.load(model).eval()
    inputs: dict[str, list[torch.Tensor]] = {}
    for name, layer in embedder.encoder.named_modules():
        if isinstance(layer, nn.Linear):
            rows = inputs.setdefault(f"{name}.weight", [])
            layer.register_forward_pre_hook(lambda _, given, rows=rows: rows.append(given[0][0]))
    tokens = 0
    with torch.no_grad():
        for batch in probe.batches(embedder):
            for side in ("query", "candidate"):
                for ids, mask in zip(batch[f"{side}_ids"], batch[f"{side}_mask"], strict=True):
                    length = int(mask.sum())
                    tokens += length
                    embedder(ids[None, :length], mask[None, :length])
    assert read_numbers(found)["tokens"] == tokens
    for name, gram in load_file(found).items():
        x = torch.cat(inputs[name])
        assert torch.allclose(gram, x.T @ x, rtol=1e-3, atol=1e-3), name
