"""Sums of task vectors."""

from __future__ import annotations

from torch import tensor
from torch.testing import assert_close

from helpers.merges import merged

BASE, FIRST, SECOND = [1.0, 1.0], [2.0, 0.0], [4.0, 1.0]


def test_task_vectors_are_added_and_taken_away():
    assert merged("task_arithmetic", [FIRST], BASE, weight=1).tolist() == FIRST
    assert merged("task_arithmetic", [FIRST, SECOND], BASE, weight=(1, -0.5)).tolist() == [0.5, 0]
    doubled = merged("task_arithmetic", [FIRST, SECOND], BASE, weight=(1, -0.5), **{"lambda": 2})
    assert doubled.tolist() == [0, -1]


def test_normalize_divides_by_the_weights_unless_they_cancel_out():
    mean = merged("task_arithmetic", [FIRST, SECOND], BASE, weight=(1, 3), normalize=True)
    assert_close(mean, tensor([3.5, 0.75]))
    none = merged("task_arithmetic", [FIRST, SECOND], BASE, weight=(1, -1), normalize=True)
    assert none.tolist() == [-1, 0]


def test_what_mergekit_says_of_sparsifying_changes_nothing():
    settings = {"density": 0.1, "rescale": True, "int8_mask": True}
    assert merged("task_arithmetic", [FIRST], BASE, weight=1, **settings).tolist() == FIRST
