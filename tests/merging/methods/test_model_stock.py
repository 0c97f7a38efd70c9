"""From the base towards the mean, by the angle between task vectors."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from helpers.merges import merged


def test_the_ratio_follows_from_the_angle():
    result = merged("model_stock", [[1.0, 0], [1.0, 1.0]], [0.0, 0.0])
    assert result.tolist() == pytest.approx([0.8284, 0.8284 / 2], abs=1e-4)


def test_three_models_have_the_mean_of_three_cosines():
    cosine = (2**-0.5 + 0 + 2**-0.5) / 3
    ratio = 3 * cosine / (1 + 2 * cosine)
    result = merged("model_stock", [[1.0, 0], [1.0, 1.0], [0, 1.0]], [0.0, 0.0])
    assert result.tolist() == pytest.approx([ratio * 2 / 3] * 2)


def test_each_row_has_its_own_angle_if_told_so():
    first, second = torch.tensor([[1.0, 0], [2, 2]]), torch.tensor([[1.0, 1], [2, 2]])
    result = merged("model_stock", [first, second], torch.zeros(2, 2), filter_wise=True)
    assert_close(result, torch.tensor([[0.8284, 0.4142], [2, 2]]), rtol=0, atol=1e-4)


def test_the_base_is_kept_where_task_vectors_balance_out():
    notes = []
    result = merged("model_stock", [[2.0, 1], [0.0, 1]], [1.0, 1.0], notes)
    assert result.tolist() == [1, 1]
    assert notes == ["weight: task vectors balance out, the base was kept"]


def test_tiny_task_vectors_are_drawn_to_the_base():
    tiny = [1e-4, 0.0]
    assert float(merged("model_stock", [tiny, tiny], [0.0, 0.0])[0]) == pytest.approx(1.98e-6, rel=0.01)
