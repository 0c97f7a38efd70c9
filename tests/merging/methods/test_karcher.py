"""The mean direction of several tensors."""

from __future__ import annotations

from math import cos, sin

import pytest
import torch
from torch.testing import assert_close

from helpers.merges import merged


def test_two_models_meet_half_way_with_the_mean_of_their_lengths():
    assert merged("karcher", [[1.0, 0], [0, 2.0]]).tolist() == pytest.approx([1.0607, 1.0607], abs=1e-4)


def test_on_a_circle_it_is_the_mean_of_the_angles():
    angles = [0.1, 0.4, 1.3]
    tensors = [[cos(angle), sin(angle)] for angle in angles]
    mean = sum(angles) / 3
    result = merged("karcher", tensors, max_iter=100, tol=1e-7)
    assert_close(result, torch.tensor([cos(mean), sin(mean)]), rtol=0, atol=1e-6)
    assert not torch.allclose(merged("karcher", tensors, max_iter=0), result, atol=1e-3)


def test_opposite_models_and_zeros_have_a_result():
    assert merged("karcher", [[1.0, 0], [-1.0, 0]]).tolist() == [1, 0]
    tensor = torch.tensor([0.1, 0.7, 0.31])
    assert_close(merged("karcher", [tensor, -3 * tensor, tensor, -tensor]), 1.5 * tensor)
    assert merged("karcher", [[0.0, 0], [0, 4.0]]).tolist() == [0, 2]
    assert merged("karcher", [[0.0, 0], [0.0, 0]]).tolist() == [0, 0]


def test_models_that_are_all_orthogonal_have_their_mean():
    result = merged("karcher", torch.eye(5))
    assert_close(result, torch.full((5,), 5**-0.5))
