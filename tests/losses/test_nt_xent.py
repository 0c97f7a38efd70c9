from __future__ import annotations

import math

import pytest
import torch

from embedworks.losses.nt_xent import nt_xent


def test_by_hand() -> None:
    # Texts a, b and their partners a, -b on two axes; temperature 1. a sees its partner (1), b (0), -b (0):
    # log(1 + 2 / e); b sees -b (-1), a (0), a (0): log(1 + 2 e). Each of the four texts has one of these.
    left = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    right = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    expected = (math.log(1 + 2 / math.e) + math.log(1 + 2 * math.e)) / 2
    assert float(nt_xent(left, right, temperature=1.0)) == pytest.approx(expected, rel=1e-6)


def test_both_sides_are_alike() -> None:
    left, right = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0)).unbind()
    assert torch.allclose(nt_xent(left, right), nt_xent(right, left))


def test_pairs_that_are_not_alike_count_as_zeros() -> None:
    # SeanLee97/AnglE, in_batch_negative_loss: rows of the target without a partner add nothing, and the
    # mean is over all texts.
    left, right = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0)).unbind()
    texts = torch.nn.functional.normalize(torch.cat([left, right]), dim=-1)
    logits = (texts @ texts.T * 20).fill_diagonal_(float("-inf")).log_softmax(-1)
    expected = -(logits[0, 3] + logits[3, 0] + logits[2, 5] + logits[5, 2]) / 6
    found = nt_xent(left, right, positive_B=torch.tensor([True, False, True]))
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
