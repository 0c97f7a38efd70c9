"""Spherical interpolation of two models."""

from __future__ import annotations

import pytest

from embedworks.merging.methods.slerp import arc
from helpers.merges import merged


def test_lengths_are_interpolated_as_they_are():
    assert merged("slerp", [[1.0, 0], [0, 2.0]], t=0.5).tolist() == pytest.approx(
        [0.7071, 1.4142], abs=1e-4
    )
    assert merged("slerp", [[1.0, 0], [0, 1.0]], t=0.25).tolist() == pytest.approx(
        [0.9239, 0.3827], abs=1e-4
    )


def test_the_ends_are_the_models():
    ends = [[1.0, 2.0], [3.0, -1.0]]
    assert merged("slerp", ends, t=0).tolist() == pytest.approx(ends[0])
    assert merged("slerp", ends, t=1).tolist() == pytest.approx(ends[1])


def test_parallel_and_opposite_tensors_are_mixed_linearly():
    assert merged("slerp", [[1.0, 1], [3.0, 3]], t=0.25).tolist() == [1.5, 1.5]
    assert merged("slerp", [[1.0, 1], [-3.0, -3]], t=0.25).tolist() == [0, 0]
    assert arc(0.99951, 0.25) == (0.75, 0.25)
    assert arc(0.99949, 0.25) != (0.75, 0.25)


def test_a_zero_tensor_is_orthogonal():
    assert merged("slerp", [[0.0, 0], [0, 2.0]], t=0.5).tolist() == pytest.approx([0, 1.4142], abs=1e-4)
