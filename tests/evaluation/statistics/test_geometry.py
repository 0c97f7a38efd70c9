from __future__ import annotations

import numpy as np
import pytest

from embedworks.evaluation.statistics.geometry import (
    alignment,
    effective_rank,
    geometry,
    isoscore,
    isotropy,
    mean_cosine,
    uniformity,
    variance_shares,
)


@pytest.fixture
def even() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3000, 8))


def test_alignment_by_hand():
    first, second = np.array([[1.0, 0], [0, 2.0]]), np.array([[3.0, 0], [1.0, 0]])
    assert alignment(first, second) == pytest.approx((0 + 2) / 2)
    assert alignment(first, second, power=1) == pytest.approx(np.sqrt(2) / 2)


def test_uniformity_by_hand():
    # Three vectors: one pair at squared distance 4, two at 2.
    vectors = np.array([[1.0, 0], [-5.0, 0], [0, 1.0]])
    assert uniformity(vectors) == pytest.approx(np.log((np.exp(-8) + 2 * np.exp(-4)) / 3))
    assert uniformity(np.ones((4, 3))) == pytest.approx(0.0, abs=1e-6)


def test_uniformity_does_not_depend_on_how_pairs_are_gone_through(even):
    unit = even[:700] / np.linalg.norm(even[:700], axis=1, keepdims=True)
    rows, columns = np.triu_indices(700, 1)
    squares = np.square(unit[rows] - unit[columns]).sum(axis=1)
    assert uniformity(even[:700]) == pytest.approx(np.log(np.exp(-2 * squares).mean()))


def test_the_mean_cosine_is_that_of_all_pairs(even):
    some = even[:50] + 1
    unit = some / np.linalg.norm(some, axis=1, keepdims=True)
    rows, columns = np.triu_indices(50, 1)
    assert mean_cosine(some) == pytest.approx((unit[rows] * unit[columns]).sum(axis=1).mean())


def test_shares_of_variance_and_what_follows_from_them():
    vectors = np.array([[3.0, 1], [-3, 1], [0, 2], [0, 0]])  # variances 18 and 2
    shares = variance_shares(vectors)
    np.testing.assert_allclose(shares, [0.1, 0.9])
    assert effective_rank(shares) == pytest.approx(np.exp(-(0.1 * np.log(0.1) + 0.9 * np.log(0.9))))
    assert effective_rank(np.full(5, 0.2)) == pytest.approx(5)
    assert isoscore(np.full(5, 0.2)) == pytest.approx(1)
    assert isoscore(np.array([0, 0, 1.0])) == pytest.approx(0, abs=1e-12)
    np.testing.assert_array_equal(variance_shares(np.ones((3, 2))), [0, 1])


def test_isoscore_is_the_share_of_directions_that_are_used():
    # Rudman et al.: k equal directions of n score (k - 1) / (n - 1).
    assert isoscore(np.array([0, 0, 0, 0.5, 0.5])) == pytest.approx(1 / 4)


def test_isotropy_by_hand():
    # Both axes are principal; along the first, e and 1/e on either side.
    vectors = np.array([[1.0, 0], [1.0, 0], [0, 1.0], [0, -1.0]])
    along, against, across = 2 * np.e + 2, 2 / np.e + 2, np.e + 1 / np.e + 2
    assert isotropy(vectors) == pytest.approx(min(against, across) / max(along, across))


def test_a_space_that_leans_is_told_from_one_that_does_not(even):
    fair, leaning = geometry(even), geometry(even + 3)
    assert fair.uniformity < leaning.uniformity
    assert abs(fair.mean_cosine) < 0.01 < 0.5 < leaning.mean_cosine
    assert fair.isotropy > 0.9 > leaning.isotropy
    assert fair.isoscore > 0.99
    assert fair.effective_rank == pytest.approx(8, abs=0.05)
    narrow = geometry(even * np.array([5, 1, 1, 1, 1, 1, 1, 1]))
    assert narrow.top_share > 0.5 > fair.top_share
    assert narrow.isoscore < 0.5
    assert narrow.effective_rank < 5
