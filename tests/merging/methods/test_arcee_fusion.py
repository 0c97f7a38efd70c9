"""Only outliers of importance are taken from the other model."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from helpers.merges import merged


def test_elements_of_outlying_importance_are_taken():
    base = torch.zeros(4, 8)
    other = torch.full((4, 8), 0.01)
    other[2, 3] = 5.0
    other[2, 4] = -0.5
    expected = torch.where(torch.arange(4)[:, None] == 2, other, base)
    # Three rows did not change their softmax, so that nothing in them matters; in row 2 all does.
    assert_close(merged("arcee_fusion", [other], base)[2], expected[2])


def test_the_threshold_is_the_median_and_one_and_a_half_ranges_of_quartiles():
    base = torch.zeros(1, 9)
    other = torch.arange(9.0)[None] / 10
    # In one row importance is in proportion to the change: 0.4 + 1.5 (0.6 - 0.2) > 0.8 is reached by none.
    assert_close(merged("arcee_fusion", [other], base), base)
    other[0, 8] = 1.5
    expected = torch.zeros(1, 9)
    expected[0, 8] = 1.5
    assert_close(merged("arcee_fusion", [other], base), expected)


def test_mergekits_sample_of_a_large_tensor_differs_in_a_few_elements_alone():
    generator = torch.Generator().manual_seed(0)
    base, other = torch.randn(1200, 1000, generator=generator), torch.randn(1200, 1000, generator=generator)
    exact = merged("arcee_fusion", [other], base)
    sampled = merged("arcee_fusion", [other], base, mergekit_compat=True)
    assert 0 < (exact != sampled).float().mean() < 0.01
    assert torch.equal(sampled, merged("arcee_fusion", [other], base, mergekit_compat=True))
