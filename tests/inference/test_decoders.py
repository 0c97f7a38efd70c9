"""Decoders as embedders: every pooling, with and without instructions, in the engine and from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder import common_settings, load_pooler, outline_embedder
from embedworks.inference.backends.opening import missing_packages
from embedworks.inference.engine import Engine
from embedworks.nn.instructions import Instructions
from helpers.tiny import tiny_decoder

TEXTS = [
    "the cat",
    "a bird and a fish sing in the river " * 3,
    "stone",
    "",
    "sort the list!",
    "tree " * 200,
]
TEMPLATE = Instructions()
PROMPTS = ("", TEMPLATE.prompt("find the stone"))
POOLERS: dict[str, dict[str, Any]] = {
    "mean": {"pooling": "mean"},
    "max": {"pooling": "max"},
    "cls": {"pooling": "cls"},
    "last": {"pooling": "last"},
    "weighted-mean": {"pooling": "weighted-mean"},
    "tokens": {"pooler": {"queries": "tokens"}},
    "latents": {"pooler": {"queries": "latents"}},
}


def decoder(pooling: str, kind: Any = "bidirectional", **keys: Any) -> Embedder:
    embedder = tiny_decoder(instructions=TEMPLATE, **POOLERS[pooling], **keys)
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


@pytest.mark.parametrize("pooling", POOLERS)
def test_a_folder_brings_it_back(tmp_path: Path, pooling):
    embedder = decoder(pooling)
    opened = Embedder.load(embedder.save(tmp_path))
    assert opened.settings == embedder.settings
    assert torch.equal(opened.encode(TEXTS, prompt=PROMPTS[1]), embedder.encode(TEXTS, prompt=PROMPTS[1]))
    assert outline_embedder(tmp_path).full_pair == embedder.full_pair


@pytest.mark.parametrize("pooling", ["mean", "last", "weighted-mean"])
def test_sentence_transformers_gives_the_same(tmp_path: Path, pooling):
    from sentence_transformers import SentenceTransformer

    embedder = decoder(pooling)
    folder = str(embedder.save(tmp_path))
    theirs = SentenceTransformer(folder, device="cpu", local_files_only=True)
    got = theirs.encode([text for text in TEXTS if text], normalize_embeddings=True)
    expected = embedder.encode([text for text in TEXTS if text]).numpy()
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_sentence_transformers_does_not_open_a_pooler_that_it_does_not_know(tmp_path: Path):
    from sentence_transformers import SentenceTransformer

    folder = str(decoder("tokens").save(tmp_path))
    with pytest.raises(Exception, match=r"LatentPooler|load|argument"):
        SentenceTransformer(folder, device="cpu", local_files_only=True).encode(["stone"])


def test_a_pooler_without_weights_or_of_another_shape_is_refused(tmp_path: Path):
    place = decoder("tokens").save(tmp_path) / "1_Pooling"
    config = place / "config.json"
    config.write_text(config.read_text().replace('"latents": 4', '"latents": 5'))
    with pytest.raises(InputError, match="cannot read the pooler"):
        load_pooler(place)
    (place / "model.safetensors").unlink()
    with pytest.raises(InputError, match="no weights"):
        load_pooler(place)


def test_the_text_of_an_instruction_changes_the_vector_and_its_rows_do_not():
    embedder = decoder("tokens")
    one, other = (embedder.encode(["red fish"], prompt=TEMPLATE.prompt(x)) for x in ("cat", "dog"))
    assert (one - other).abs().max() > 1e-3
    tokens = embedder.tokenize(["red fish"], TEMPLATE.prompt("cat"))
    states, mask = embedder.layer_states(**tokens)[-1], embedder.pool_mask(**tokens)
    changed = states.clone()
    changed[mask == 0] = 9.0
    assert torch.equal(embedder.pool(states, mask), embedder.pool(changed, mask))


def test_models_with_other_instructions_are_not_merged(tmp_path: Path):
    one = decoder("mean").save(tmp_path / "one")
    other = tiny_decoder(pooling="mean").save(tmp_path / "other")
    with pytest.raises(InputError, match="instructions"):
        common_settings([one, other])


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
