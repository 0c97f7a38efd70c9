from pathlib import Path

import numpy as np
import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.engine import Engine
from helpers.tiny import UNEVEN_TEXTS as TEXTS
from helpers.tiny import tiny_embedder, tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_embedder(tmp_path_factory.mktemp("engine") / "tiny", prompts={"query": "find the "})


@pytest.mark.parametrize("pair", [(None, None), (2, None), (None, 8), (3, 16)])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max", "last", "weighted-mean"])
def test_float32_is_embedder_encode(pooling: str, pair: tuple[int | None, int | None]) -> None:
    embedder = tiny_model(pooling=pooling)
    layers, dimensions = pair
    expected = embedder.encode(TEXTS, prompt="find ", layers=layers, dimensions=dimensions).numpy()
    engine = Engine(embedder, precision="fp32")
    got = engine.encode(TEXTS, prompt="find ", layers=layers, dimensions=dimensions, max_tokens=64)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_bf16_points_the_same_way_and_has_unit_length(folder: Path) -> None:
    embedder = Embedder.load(folder)
    expected = embedder.encode(TEXTS, layers=3, dimensions=16).numpy()
    got = Engine(embedder, precision="bf16").encode(TEXTS, layers=3, dimensions=16)
    assert (got * expected).sum(1).min() >= 0.999
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1.0, atol=1e-6)


def test_bf16_leaves_the_callers_weights_alone(folder: Path) -> None:
    embedder = Embedder.load(folder)
    Engine(embedder, precision="bf16").encode(["the cat"])
    assert {parameter.dtype for parameter in embedder.parameters()} == {torch.float32}


def test_vectors_that_are_not_normalised_keep_their_length() -> None:
    embedder = tiny_model(normalize=False)
    expected = embedder.encode(["the cat", "stone"]).numpy()
    np.testing.assert_allclose(Engine(embedder, "fp32").encode(["the cat", "stone"]), expected, atol=1e-5)


def test_projection_is_applied_in_float32() -> None:
    embedder = tiny_model()
    embedder.projection = torch.nn.Linear(32, 12)
    expected = embedder.encode(["the cat", "stone"], dimensions=5).detach().numpy()
    got = Engine(embedder, "fp32").encode(["the cat", "stone"], dimensions=5)
    assert got.shape == (2, 5)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_no_texts_give_no_vectors(folder: Path) -> None:
    assert Engine(Embedder.load(folder)).encode([], dimensions=7).shape == (0, 7)


def test_token_counts_include_specials_and_the_prompt_and_stop_at_max_length(folder: Path) -> None:
    engine = Engine(Embedder.load(folder))
    assert engine.token_counts(["the cat", "", "tree " * 200]) == [4, 2, 64]
    assert engine.token_counts(["cat"], prompt="the ") == [4]
    assert len(engine.tokens.whole(["tree " * 200])[0]) == 202


def test_a_depth_is_cut_once(folder: Path) -> None:
    engine = Engine(Embedder.load(folder), "fp32", backend="torch")
    engine.encode(["the cat"], layers=2)
    cut = dict(engine.backend._cut)  # type: ignore[attr-defined]
    engine.encode(["stone"], layers=2)
    engine.encode(["stone"])
    assert engine.backend._cut == cut  # type: ignore[attr-defined]
    assert sorted(cut) == [2, 4]


def test_impossible_pairs_and_precisions_are_refused(folder: Path) -> None:
    embedder = Embedder.load(folder)
    with pytest.raises(InputError, match="layers=5 is not possible; expected 1 to 4"):
        Engine(embedder).encode(["x"], layers=5)
    with pytest.raises(InputError, match="did you mean 'bf16'"):
        Engine(embedder, precision="bf-16")  # type: ignore[arg-type]


def test_real_model_in_both_precisions() -> None:
    try:
        embedder = Embedder.load("sentence-transformers/all-MiniLM-L6-v2")
    except InputError:
        pytest.skip("all-MiniLM-L6-v2 is not installed")
    texts = ["What does the yield keyword do?", "sorting " * 40, "A red fish."]
    expected = embedder.encode(texts).numpy()
    np.testing.assert_allclose(Engine(embedder, "fp32").encode(texts), expected, atol=1e-5)
    assert (Engine(embedder, "bf16").encode(texts) * expected).sum(1).min() >= 0.999


@pytest.mark.parametrize("backend", ["packed", "torch"])
def test_several_depths_are_each_as_if_asked_for_alone(folder: Path, backend: str) -> None:
    engine = Engine(Embedder.load(folder), "fp32", backend=backend)  # type: ignore[arg-type]
    found = engine.encode_at(TEXTS, (1, 4, 2), prompt="find ")
    assert list(found) == [1, 4, 2]
    tokens = engine.real_tokens
    for depth, vectors_ND in found.items():
        np.testing.assert_allclose(
            vectors_ND, engine.encode(TEXTS, prompt="find ", layers=depth), atol=1e-6
        )
    assert engine.real_tokens == tokens + sum(engine.token_counts(TEXTS, "find ")) * 3
    assert tokens == sum(engine.token_counts(TEXTS, "find ")) * (1 if backend == "packed" else 3), "passes"
    with pytest.raises(InputError, match="layers=9"):
        engine.encode_at(TEXTS, (1, 9))
