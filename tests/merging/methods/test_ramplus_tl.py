"""A model's own changes are made stronger."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from helpers.merges import merged


def test_own_changes_grow_with_the_ratio_of_shared_ones_up_to_alpha():
    first, second = [1.0, 1, 1, 1, 2], [0.0, 0, 0, 0, 4]
    base = [0.0] * 5
    # Of the first's changes one is shared and four are its own; the second owns none.
    grown = 1 + 0.5 * 0.25
    result = merged("ramplus_tl", [first, second], base, r=0.5, alpha=1)
    assert_close(result, torch.tensor([grown, grown, grown, grown, 3]))
    cut = 1 + 0.1 * 0.2
    assert_close(merged("ramplus_tl", [first, second], base), torch.tensor([cut, cut, cut, cut, 3]))


def test_without_strength_it_is_ram():
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(50, generator=generator) for _ in range(3)]
    ram = merged("ram", tensors, torch.zeros(50), epsilon=0.8)
    assert_close(merged("ramplus_tl", tensors, torch.zeros(50), epsilon=0.8, r=0), ram)
