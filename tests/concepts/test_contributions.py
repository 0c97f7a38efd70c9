"""Contributions of coordinates to a similarity, with the sheet's example of SESA."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.concepts.contributions import contributions


def test_by_hand():
    # .8 * .4 / (sqrt(.65) * .5) = .32 / .4031; the other coordinates are 0 on one side.
    a, b = np.array([[0.8, 0.1, 0.0]]), np.array([[0.4, 0.0, 0.3]])
    (parts,) = contributions(a, b)
    assert parts[0] == pytest.approx(0.7938, abs=5e-5)
    assert parts[1:].tolist() == [0, 0]
    assert contributions(a, b, "dot")[0].tolist() == pytest.approx([0.32, 0, 0])


def test_they_sum_to_the_similarity():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 5, 400)).astype(np.float32)
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(contributions(a, b).sum(1), cosines, atol=1e-6)
    np.testing.assert_allclose(contributions(a, b, "dot").sum(1), (a * b).sum(1), rtol=1e-5)


def test_a_vector_of_nothing_is_similar_to_nothing():
    assert contributions(np.zeros((1, 3)), np.ones((1, 3))).tolist() == [[0, 0, 0]]
