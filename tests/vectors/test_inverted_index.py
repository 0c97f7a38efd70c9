"""An inverted index finds what a product of matrices finds."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.vectors.exact import Matrix, Measure
from embedworks.vectors.inverted import Inverted, is_sparse

COSINE = Measure(unit=True, stored_unit=False, cosine=True)
STORED = Measure(unit=True, stored_unit=True, cosine=True)
DOT = Measure(unit=False, stored_unit=False, cosine=False)


def sparse(rows: int, width: int = 40, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    found = rng.random((rows, width)).astype(np.float32)
    found[rng.random(found.shape) > 0.08] = 0
    found[:, 3] += 0.1 * (found.max(axis=1) == 0)  # no row is empty
    return found


@pytest.mark.parametrize("measure", [COSINE, STORED, DOT])
@pytest.mark.parametrize("dimensions", [40, 25])
@pytest.mark.parametrize("filtered", [False, True])
def test_it_finds_what_the_product_finds(measure, dimensions, filtered):
    rows, queries = sparse(300), sparse(6, seed=1)[:, :dimensions]
    if measure.stored_unit:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ids = np.arange(300) * 2 + 1
    among = np.flatnonzero(np.arange(300) % 3 == 0) if filtered else None
    expected_ids, expected = Matrix(rows, ids, measure).nearest(queries, 300, among)
    found_ids, found = Inverted(rows, ids, measure).nearest(queries, 300, among)
    for one, other, ids_a, ids_b in zip(found, expected, found_ids, expected_ids, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
        shared = other > 1e-6  # rows that share nothing with the query all have score 0
        assert np.array_equal(np.sort(ids_a[shared]), np.sort(ids_b[shared]))


def test_ties_go_to_the_smaller_id_and_limits_hold():
    rows = np.array([[0, 1, 0], [0, 1, 0], [1, 0, 0]], np.float32)
    ids, scores = Inverted(rows, np.array([9, 4, 7]), DOT).nearest(np.array([[0, 2, 0]], np.float32), 2)
    assert ids[0].tolist() == [4, 9]
    assert scores[0].tolist() == [2, 2]


def test_what_counts_as_sparse():
    assert is_sparse(sparse(50))
    assert not is_sparse(np.ones((5, 5), np.float32))
