"""The weighted mean."""

from __future__ import annotations

import pytest

from embedworks.errors import InputError
from helpers.merges import merged


def test_weights_are_shares_unless_they_are_factors():
    tensors = [[2.0, 4.0], [6.0, 0.0]]
    assert merged("linear", tensors, weight=(1, 3)).tolist() == [5, 1]
    assert merged("linear", tensors, weight=(1, -0.5), normalize=False).tolist() == [-1, 4]


def test_weights_that_cancel_out_are_refused_by_the_tensors_name():
    with pytest.raises(InputError, match=r"layer\.weight: the weights sum to zero"):
        merged("linear", [[1.0], [2.0], [3.0]], name="layer.weight", weight=(0.1, 0.2, -0.3))
