"""Select, calculate, erase."""

from __future__ import annotations

import pytest

from helpers.merges import merged


def test_shares_follow_mean_squares_and_signs_the_plain_sum():
    result = merged("sce", [[1.0, -2, 0.5], [3.0, 1, 0.5]], [0.0, 0, 0])
    assert result.tolist() == pytest.approx([2.3226, -2, 0.5], abs=1e-4)


def test_only_elements_that_vary_most_are_merged():
    tensors = [[5.0, 1, 2, 0], [5.0, 3, 9, 0]]
    base = [0.0] * 4
    # Two elements vary: half of them is the third alone, which the second model has 81 parts in 85 of.
    half = merged("sce", tensors, base, select_topk=0.5).tolist()
    assert half == pytest.approx([0, 0, (2 * 4 + 9 * 81) / 85, 0])
    assert merged("sce", tensors, base, select_topk=0).tolist() == base


def test_shares_are_equal_where_changes_are_tiny():
    result = merged("sce", [[1e-4, 0.0], [3e-4, 0.0]], [0.0, 0.0])
    assert result.tolist() == pytest.approx([2e-4, 0])
