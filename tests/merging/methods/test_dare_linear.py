"""Dropping at random, summed."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from helpers.merges import merged

BASE = torch.zeros(100, 100)
ONES = torch.ones(100, 100)


def test_the_sum_of_magnitudes_stays_unless_told_otherwise():
    result = merged("dare_linear", [ONES], BASE, weight=1, density=0.25)
    assert 2300 < int(result.count_nonzero()) < 2700
    assert float(result.sum()) == pytest.approx(10_000, rel=1e-5)
    papers = merged("dare_linear", [ONES], BASE, weight=1, density=0.25, rescale="inverse_keep")
    assert set(papers.unique().tolist()) == {0.0, 4.0}
    plain = merged("dare_linear", [ONES], BASE, weight=1, density=0.25, rescale=False)
    assert set(plain.unique().tolist()) == {0.0, 1.0}


def test_each_model_and_tensor_has_draws_of_its_own_that_repeat():
    one = merged("dare_linear", [ONES, 2 * ONES], BASE, weight=1, density=0.5, rescale="none")
    assert set(one.unique().tolist()) == {0.0, 1.0, 2.0, 3.0}
    assert torch.equal(
        one, merged("dare_linear", [ONES, 2 * ONES], BASE, weight=1, density=0.5, rescale="none")
    )
    other = merged(
        "dare_linear", [ONES, 2 * ONES], BASE, weight=1, density=0.5, rescale="none", name="other"
    )
    assert not torch.equal(one, other)


def test_normalize_divides_by_the_weights():
    result = merged("dare_linear", [ONES, ONES], BASE, weight=(1, 3), density=1, normalize=True)
    assert_close(result, ONES)
