"""What is near is swapped."""

from __future__ import annotations

from torch import tensor
from torch.testing import assert_close

from helpers.merges import merged


def test_no_element_moves_by_more_than_t():
    base, other = [1.0, 1.0, 1.0], [1.05, 1.2, 0.0]
    assert_close(merged("nearswap", [other], base, t=0.1), tensor([1.05, 1.1, 0.9]))
    assert merged("nearswap", [other], base, t=0).tolist() == base
    assert merged("nearswap", [other], base, t=-1).tolist() == base
    assert_close(merged("nearswap", [other], base, t=9), tensor(other))
