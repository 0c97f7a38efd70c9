"""The Fisher information is the mean of squared gradients of single anchors, not of a batch's gradient."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from safetensors.torch import load_file

from embedworks.embedder import Embedder
from embedworks.merging.statistics import fisher
from embedworks.merging.statistics.files import read_numbers
from embedworks.merging.statistics.probe import Probe, ProbeCorpus, anchor_losses
from helpers.pairs import pair_corpus
from helpers.tiny import tiny_embedder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_embedder(tmp_path_factory.mktemp("model") / "tiny", layers=2, width=16, dropout=0.1)


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    corpus = pair_corpus(tmp_path_factory.mktemp("corpus") / "pairs")
    return Probe((ProbeCorpus(corpus),), samples=6, batch_size=3, positive_length=12)


def alone(model, probe, batched: bool) -> dict[str, torch.Tensor]:
    """The same by a backward pass of its own for each sample, or for each batch."""
    embedder = Embedder.load(model).eval()
    squares = {name: torch.zeros_like(p) for name, p in embedder.encoder.named_parameters()}
    count = 0
    for batch in probe.batches(embedder):
        size = len(batch["query_ids"])
        for place in range(1 if batched else size):
            embedder.zero_grad()
            losses_B = anchor_losses(embedder, batch, probe.temperature)
            (losses_B.mean() if batched else losses_B[place]).backward()
            for name, parameter in embedder.encoder.named_parameters():
                if parameter.grad is not None:
                    squares[name] += parameter.grad**2
            count += 1
    return {name: square / count for name, square in squares.items()}


def test_each_sample_is_squared_alone(model, probe, tmp_path):
    found = load_file(fisher.collect(model, probe, tmp_path / "fisher.safetensors"))
    wanted, batched = alone(model, probe, False), alone(model, probe, True)
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        assert torch.allclose(value, wanted[name], rtol=1e-4, atol=1e-9), name
    largest = max(found, key=lambda name: float(found[name].sum()))
    assert float(found[largest].sum()) > 1.2 * float(batched[largest].sum())


def test_names_are_those_of_the_model_s_file(model, probe, tmp_path):
    found = load_file(fisher.collect(model, probe, tmp_path / "fisher.safetensors"))
    stored = load_file(model / "model.safetensors")
    assert {name: tuple(t.shape) for name, t in found.items()} == {
        name: tuple(t.shape) for name, t in stored.items() if t.is_floating_point()
    }


def test_equal_norm_scales_every_model_alike(model, probe, tmp_path):
    plain = fisher.collect(model, probe, tmp_path / "plain.safetensors")
    scaled = fisher.collect(model, dataclasses.replace(probe, equal_norm=True), tmp_path / "s.safetensors")
    values = torch.cat([tensor.flatten() for tensor in load_file(scaled).values()]).double()
    assert float(values.square().mean().sqrt()) == pytest.approx(1.0, rel=1e-4)
    numbers = read_numbers(plain)
    assert numbers["samples"] == 6
    assert numbers["rms"] == pytest.approx(read_numbers(scaled)["rms"])
