"""Dropping at random, with an election of signs."""

from __future__ import annotations

import torch

from helpers.merges import merged


def test_signs_are_elected_after_elements_were_dropped():
    first, second = torch.ones(1000), torch.full((1000,), -2.0)
    base = torch.zeros(1000)
    result = merged("dare_ties", [first, second], base, weight=1, density=0.5, rescale="none")
    # The first is heard only where the second was dropped, and both is never their sum, -1.
    assert set(result.unique().tolist()) == {-2.0, 0.0, 1.0}
    assert 400 < int((result == -2).sum()) < 600
    assert 180 < int((result == 1).sum()) < 320
