"""Incomplete lists of labels: hand values, texts without a list, negatives that count less or nothing."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from embedworks.losses.multi_label import multi_label_loss

LISTED = torch.tensor([[1, 0, 0], [0, 1, 1]])
KNOWN = torch.tensor([True, True])


def logits(seed: int = 0, rows: int = 2) -> torch.Tensor:
    return torch.randn(rows, 3, generator=torch.Generator().manual_seed(seed))


def test_by_hand():
    # s = (0.8, 0.5): -10 ln 0.8 for the listed one, -0.3 ln 0.5 for the other: 2.2314 + 0.2079.
    z = torch.tensor([[math.log(4.0), 0.0]])
    found = multi_label_loss(
        z, torch.tensor([[1, 0]]), torch.tensor([True]), positive_weight=10, negative_weight=0.3
    )
    assert float(found) == pytest.approx(-10 * math.log(0.8) - 0.3 * math.log(0.5), rel=1e-6)
    assert float(found) == pytest.approx(2.4394, abs=1e-4)


def test_with_full_negatives_it_is_torchs_loss():
    expected = F.binary_cross_entropy_with_logits(
        logits(), LISTED.float(), pos_weight=torch.tensor(10.0), reduction="none"
    )
    found = multi_label_loss(logits(), LISTED, KNOWN, positive_weight=10)
    assert float(found) == pytest.approx(float(expected.sum(1).mean()), rel=1e-6)


def test_a_text_without_a_list_changes_nothing_at_all():
    alone = multi_label_loss(logits(), LISTED, KNOWN)
    more = torch.cat([logits(), 1e4 * logits(1, 1)])
    marked = torch.cat([LISTED, torch.tensor([[1, 1, 1]])])
    assert float(multi_label_loss(more, marked, torch.tensor([True, True, False]))) == float(alone)


def test_texts_without_lists_alone_have_no_loss_and_no_gradient():
    z = logits().requires_grad_()
    loss = multi_label_loss(z, LISTED, torch.tensor([False, False]))
    loss.backward()
    assert float(loss.detach()) == 0
    assert z.grad is not None
    assert z.grad.abs().max() == 0


def test_without_negatives_only_listed_labels_learn_and_all_presences_go_to_one():
    z = logits().requires_grad_()
    multi_label_loss(z, LISTED, KNOWN, negative_weight=0).backward()
    assert z.grad is not None
    assert ((z.grad != 0) == LISTED.bool()).all()
    everything = torch.full((2, 3), 30.0)
    assert float(multi_label_loss(everything, LISTED, KNOWN, negative_weight=0)) < 1e-10
    assert float(multi_label_loss(everything, LISTED, KNOWN, negative_weight=0.3)) > 10


def test_large_logits_stay_finite_and_keep_their_gradient():
    z = torch.tensor([[-200.0, 200.0, 0.0]]).requires_grad_()
    loss = multi_label_loss(z, torch.tensor([[1, 0, 0]]), torch.tensor([True]))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(400 + math.log(2), rel=1e-6)
    assert z.grad is not None
    assert z.grad[0, :2].tolist() == [-1, 1]
