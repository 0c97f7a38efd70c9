"""Reciprocal ranks by hand."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.inference.ranks import cosines, reciprocal_rank


def test_ranks_by_hand():
    scores = np.array([[0.9, 0.1, 0.2], [0.5, 0.3, 0.4], [0.1, 0.2, 0.2]])
    # Ranks 1 and 3; the third ties with a wrong one, which goes first: 2.
    assert reciprocal_rank(scores, ["x", "y", "z"]) == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)


def test_equal_texts_are_equally_right():
    assert reciprocal_rank(np.array([[0.1, 0.9], [0.9, 0.1]]), ["x", "x"]) == 1


def test_cosines_and_a_vector_without_length():
    found = cosines(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 1.0]]))
    assert found.ravel().tolist() == [pytest.approx(0.5**0.5), 0.0]
