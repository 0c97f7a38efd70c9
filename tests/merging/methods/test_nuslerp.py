"""Spherical interpolation by weights, of tensors, rows or columns."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from helpers.merges import merged

HALF = 2**-0.5
FIRST = torch.tensor([[1.0, 0], [2, 0]])
SECOND = torch.tensor([[0, 1.0], [2, 0]])


def test_the_weights_ratio_is_the_way():
    result = merged("nuslerp", [[1.0, 0], [0, 1.0]], weight=(3, 1))
    assert_close(result, torch.tensor([0.9239, 0.3827]), rtol=0, atol=1e-4)
    assert_close(merged("nuslerp", [[1.0, 0], [0, 1.0]], weight=(1, -1)), torch.tensor([HALF, HALF]))


def test_rows_and_columns_have_angles_of_their_own():
    rows = merged("nuslerp", [FIRST, SECOND], weight=1, nuslerp_flatten=False)
    assert_close(rows, torch.tensor([[HALF, HALF], [2, 0]]))
    columns = merged("nuslerp", [FIRST.T, SECOND.T], weight=1, nuslerp_flatten=False, nuslerp_row_wise=True)
    assert_close(columns, rows.T)
    whole = merged("nuslerp", [FIRST, SECOND], weight=1)
    assert not torch.allclose(whole, rows)


def test_with_a_base_task_vectors_turn():
    base = torch.full((2, 2), 3.0)
    rows = {"weight": 1, "nuslerp_flatten": False}
    assert_close(
        merged("nuslerp", [FIRST + base, SECOND + base], base, **rows),
        base + merged("nuslerp", [FIRST, SECOND], **rows),
    )


def test_opposite_and_zero_vectors_are_mixed_linearly():
    assert_close(merged("nuslerp", [[3.0, 1], [-3.0, -1]], weight=(3, 1)), torch.tensor([1.5, 0.5]))
    tensors = [[[0.0, 0], [1, 1]], [[0.0, 0], [1, 1]]]
    assert merged("nuslerp", tensors, weight=1, nuslerp_flatten=False).tolist() == tensors[0]
