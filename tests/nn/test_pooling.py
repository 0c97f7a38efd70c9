"""Poolers without parameters, by hand."""

from __future__ import annotations

import pytest
import torch

from embedworks.nn.pooling import pool

STATES = torch.tensor([[[1.0], [2.0], [4.0], [100.0]]])


@pytest.mark.parametrize(
    ("pooling", "mask", "expected"),
    [
        ("mean", [1, 1, 1, 0], 7 / 3),
        ("mean", [0, 1, 1, 0], 3),
        ("weighted-mean", [1, 1, 1, 0], (1 + 2 * 2 + 3 * 4) / 6),
        ("weighted-mean", [0, 1, 1, 0], (2 * 2 + 3 * 4) / 5),
        ("last", [1, 1, 1, 0], 4),
        ("last", [0, 1, 1, 0], 4),
        ("last", [0, 1, 0, 0], 2),
        ("max", [1, 1, 0, 0], 2),
        ("cls", [1, 1, 1, 0], 1),
    ],
)
def test_by_hand(pooling, mask, expected):
    assert pool(STATES, torch.tensor([mask]), pooling).item() == pytest.approx(expected)


def test_a_learned_pooling_is_no_function():
    with pytest.raises(ValueError, match="latent"):
        pool(STATES, torch.ones(1, 4), "latent")
