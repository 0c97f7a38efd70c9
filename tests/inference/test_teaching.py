"""Teachers."""

from __future__ import annotations

import numpy as np

from embedworks.embedder import Embedder
from embedworks.inference.teaching import unit_encoder
from helpers.tiny import tiny_embedder


def test_a_teacher_gives_unit_vectors_of_texts_as_long_as_the_student_reads(tmp_path):
    folder = str(tiny_embedder(tmp_path, layers=1, normalize=False))
    short, long = (unit_encoder(folder, length) for length in (6, 1000))
    texts = ["red bird sing in", "red bird sing in the river"]
    np.testing.assert_allclose(np.linalg.norm(long(texts), axis=1), 1, atol=1e-5)
    cut = short(texts)  # [CLS], four words, [SEP]
    np.testing.assert_allclose(cut[0], cut[1], atol=1e-2)
    assert np.abs(long(texts)[0] - long(texts)[1]).max() > 1e-2
    whole = Embedder.load(folder).encode(texts).numpy()
    whole /= np.linalg.norm(whole, axis=1, keepdims=True)
    np.testing.assert_allclose(long(texts), whole, atol=2e-2)
