"""Changes are averaged over the models that made them."""

from __future__ import annotations

from helpers.merges import merged


def test_what_one_model_changed_is_not_diluted():
    assert merged("ram", [[1.0, 0, 2], [0.0, 3, 4]], [0.0, 0, 0]).tolist() == [1, 3, 3]


def test_a_small_change_is_none():
    tensors = [[1.0, 2.1, 4], [1.2, 2.0, 8]]
    assert merged("ram", tensors, [1.0, 2, 3], epsilon=0.5).tolist() == [1, 2, 6]
