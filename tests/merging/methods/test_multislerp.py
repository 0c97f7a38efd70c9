"""The spherical mean by weights."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from embedworks.errors import InputError
from helpers.merges import merged


def test_the_mean_of_the_directions_with_the_mean_of_the_lengths():
    result = merged("multislerp", [[2.0, 0], [0, 4.0]], weight=(3, 1))
    direction = torch.tensor([3.0, 1.0]) / 10**0.5
    assert_close(result, 2.5 * direction)
    task_vectors = merged("multislerp", [[3.0, 1], [1, 5.0]], [1.0, 1.0], weight=(3, 1))
    assert_close(task_vectors, 1 + 2.5 * direction)
    factors = merged("multislerp", [[2.0, 0], [0, 4.0]], weight=(3, 1), normalize_weights=False)
    assert_close(factors, 10 * direction)


def test_two_opposite_models_are_mixed_linearly_and_more_are_refused():
    assert merged("multislerp", [[2.0, 0], [-4.0, 0]], weight=1).tolist() == [-1, 0]
    small = 0.003 * torch.linspace(0.1, 0.77, 50)  # as opposite as float32 can tell
    assert_close(merged("multislerp", [small, -2.7 * small], weight=1), -0.85 * small)
    with pytest.raises(InputError, match="weight: the directions of the models cancel out"):
        merged("multislerp", [[2.0, 0], [-4.0, 0], [1.0, 0], [-1.0, 0]], weight=1)


def test_a_zero_tensor_has_a_length_but_no_direction():
    result = merged("multislerp", [[0.0, 0], [0, 3.0], [3.0, 0]], weight=1)
    assert_close(result, torch.tensor([2.0, 2]) * 0.5**0.5)


def test_weights_that_cancel_out_are_refused():
    with pytest.raises(InputError, match="weight: the weights sum to zero"):
        merged("multislerp", [[2.0, 0], [-4.0, 0]], weight=(1, -1))
