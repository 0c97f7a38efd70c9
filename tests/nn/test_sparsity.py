"""Sparse vectors, by hand."""

from __future__ import annotations

import pytest
import torch

from embedworks.nn.sparsity import Sparsity, sparsify

ROW = [0.2, 0.9, 0.0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("sparsity", "expected"),
    [
        (Sparsity(), ROW),
        (Sparsity(threshold=0.3), [0, 0.9, 0, 0.5, 0.5]),
        (Sparsity(top=2), [0, 0.9, 0, 0.5, 0]),  # of equal ones the first stays
        (Sparsity(threshold=0.6, top=3), [0, 0.9, 0, 0, 0]),
        (Sparsity(threshold=0.95), [0, 0.9, 0, 0, 0]),  # the largest stays whatever it is
        (Sparsity(top=9), ROW),
    ],
)
def test_what_stays(sparsity, expected):
    assert sparsify(torch.tensor([ROW]), sparsity)[0].tolist() == torch.tensor(expected).tolist()


def test_what_stays_keeps_its_gradient():
    rows = torch.tensor([ROW], requires_grad=True)
    sparsify(rows, Sparsity(threshold=0.3)).sum().backward()
    assert rows.grad is not None
    assert rows.grad[0].tolist() == [0, 1, 0, 1, 1]
