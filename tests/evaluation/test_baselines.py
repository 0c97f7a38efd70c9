from __future__ import annotations

import numpy as np
import pytest

from embedworks.evaluation.baselines import letters_baseline, random_baseline, static_baseline
from embedworks.folder import load_embedder
from helpers.tiny import tiny_embedder


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_random_vectors_are_fixed_by_the_text() -> None:
    engine = random_baseline().engine
    a, b, again = engine.encode(["a", "b", "a"])
    assert np.array_equal(a, again)
    assert abs(cosine(a, b)) < 0.3
    assert a[:3] == pytest.approx(engine.encode(["a"], dimensions=3)[0])


def test_letters_bring_texts_together_that_look_alike() -> None:
    encode = letters_baseline().engine.encode
    river, rivers, stone, folded = encode(["river", "rivers", "stone", "  RIVER "])
    assert cosine(river, rivers) > 0.6 > 0.1 > abs(cosine(river, stone))
    assert np.array_equal(river, folded)
    assert not encode([""]).any()


def test_static_vectors_are_means_of_input_embeddings(tmp_path) -> None:
    folder = tiny_embedder(tmp_path / "tiny", layers=1, width=16)
    embedder = load_embedder(folder)
    table = embedder.encoder.get_input_embeddings().weight.detach().numpy()
    ids = embedder.tokenizer.convert_tokens_to_ids(["red", "fish"])
    subject = static_baseline(folder)
    assert subject.full_pair == (0, 16)
    found = subject.engine.encode(["red fish", "fish red", ""])
    assert found[0] == pytest.approx(table[ids].mean(axis=0), abs=1e-6)
    assert np.array_equal(found[0], found[1])  # order is not seen
    assert not found[2].any()
