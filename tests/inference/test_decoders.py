"""Decoders as embedders: every pooling, with and without instructions, in the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.backends.opening import missing_packages
from embedworks.inference.engine import Engine
from embedworks.nn.instructions import Instructions
from embedworks.nn.multi_layer_pooling import MultiLayerPooler, MultiLayerPoolerConfig
from helpers.tiny import POOLERS, tiny_decoder, tiny_model
from helpers.tiny import UNEVEN_TEXTS as TEXTS

TEMPLATE = Instructions()
PROMPTS = ("", TEMPLATE.prompt("find the stone"))


def decoder(pooling: str, kind: Any = "bidirectional") -> Embedder:
    embedder = tiny_decoder(instructions=TEMPLATE, **POOLERS[pooling])
    embedder.attend(kind)
    return embedder


@pytest.mark.parametrize("prompt", PROMPTS, ids=["bare", "instructed"])
@pytest.mark.parametrize("pooling", POOLERS)
@pytest.mark.parametrize("kind", ["causal", "bidirectional", "prefix"])
def test_the_engine_gives_what_the_embedder_gives(pooling, kind, prompt):
    embedder = decoder(pooling, kind)
    engine = Engine(embedder, precision="fp32")
    for layers, dimensions in ((None, None), (2, 8)):
        expected = embedder.encode(TEXTS, prompt=prompt, layers=layers, dimensions=dimensions).numpy()
        got = engine.encode(TEXTS, prompt=prompt, layers=layers, dimensions=dimensions, max_tokens=64)
        np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("backend", ["torch", "onnx", "openvino"])
@pytest.mark.parametrize("kind", ["causal", "bidirectional"])
def test_backends_keep_the_attention_and_the_pooler(backend, kind):
    if missing_packages(backend):
        pytest.skip(f"{backend} is not installed")
    embedder = decoder("tokens", kind)
    expected = embedder.encode(TEXTS, prompt=PROMPTS[1]).numpy()
    got = Engine(embedder, precision="fp32", backend=backend).encode(TEXTS, prompt=PROMPTS[1])
    np.testing.assert_allclose(got, expected, atol=1e-4)


@pytest.mark.parametrize("backend", ["onnx", "openvino", "compile"])
def test_a_prefix_is_refused_by_backends_that_cannot_trace_it(backend):
    if missing_packages(backend):
        pytest.skip(f"{backend} is not installed")
    with pytest.raises(InputError, match="prefix"):
        Engine(decoder("mean", "prefix"), precision="fp32", backend=backend)


@pytest.mark.parametrize("pooling", POOLERS)
def test_bf16_points_the_same_way(pooling):
    embedder = decoder(pooling)
    expected = embedder.encode(TEXTS).numpy()
    got = Engine(embedder, precision="bf16").encode(TEXTS)
    assert (got * expected).sum(1).min() >= 0.99


def test_the_text_of_an_instruction_changes_the_vector_and_its_rows_do_not():
    embedder = decoder("tokens")
    one, other = (embedder.encode(["red fish"], prompt=TEMPLATE.prompt(x)) for x in ("cat", "dog"))
    assert (one - other).abs().max() > 1e-3
    tokens = embedder.tokenize(["red fish"], TEMPLATE.prompt("cat"))
    states, mask = embedder.layer_states(**tokens)[-1], embedder.pool_mask(**tokens)
    changed = states.clone()
    changed[mask == 0] = 9.0
    assert torch.equal(embedder.pool(states, mask), embedder.pool(changed, mask))


def test_a_pooler_and_its_name_go_together():
    embedder = decoder("tokens")
    with pytest.raises(ValueError, match="latent"):
        Embedder(embedder.encoder, embedder.tokenizer, embedder.settings)


@pytest.mark.parametrize("pooling", ["tokens", "latents"])
@pytest.mark.parametrize("kind", ["causal", "bidirectional", "prefix"])
def test_a_learned_pooler_does_not_see_padding(pooling, kind):
    embedder = decoder(pooling, kind)
    together = embedder.encode(TEXTS, prompt=PROMPTS[1])
    alone = torch.cat([embedder.encode([text], prompt=PROMPTS[1]) for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("backend", ["onnx", "openvino", "compile"])
def test_pooling_of_all_layers_is_refused_by_backends_that_give_one(backend):
    if missing_packages(backend):
        pytest.skip(f"{backend} is not installed")
    with pytest.raises(InputError, match=f"{backend} gives the states of one layer.*backend: torch"):
        Engine(decoder("layer-means"), precision="fp32", backend=backend)


@pytest.mark.parametrize("backend", ["torch", "packed"])
def test_all_layers_of_an_encoder_are_pooled_with_and_without_padding(backend):
    shape = {"width": 32, "layers": 4, "latents": 3, "heads": 2, "head_width": 8}
    torch.manual_seed(0)
    encoder = tiny_model(layers=4)
    settings = encoder.settings.model_copy(update={"pooling": "multi-layer"})
    pooler = MultiLayerPooler(MultiLayerPoolerConfig(**shape))
    embedder = Embedder(encoder.encoder, encoder.tokenizer, settings, pooler=pooler)
    for layers in (None, 2):
        expected = embedder.encode(TEXTS, layers=layers).numpy()
        got = Engine(embedder, precision="fp32", backend=backend).encode(
            TEXTS, layers=layers, max_tokens=64
        )
        np.testing.assert_allclose(got, expected, atol=2e-5)


def test_all_layers_are_pooled_and_not_one():
    embedder = decoder("layer-means")
    tokens = embedder.tokenize(["red fish"])
    states = embedder.states(**tokens)
    assert len(states) == 3
    changed = (states[0].flip(-1), *states[1:])
    first, other = (embedder.pool(one, tokens["attention_mask"]) for one in (states, changed))
    assert (first - other).abs().max() > 1e-3
    with pytest.raises(InputError, match="all its layers"):
        embedder.pool(states[-1], tokens["attention_mask"])
