"""Targets by the similarity of labels: the sheet's numbers, limits and gradients."""

from __future__ import annotations

import math

import pytest
import torch

from embedworks.losses.contrastive import in_batch_loss
from embedworks.losses.soft_targets import (
    hard_targets,
    labelled_contrastive_loss,
    soft_targets,
    target_cross_entropy,
)

HALF = torch.tensor([[1.0, 0.0], [0.5, math.sqrt(0.75)]])  # two labels with a cosine of 0.5


@pytest.fixture
def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    anchors, partners = torch.randn(2, 4, 6, generator=generator)
    return anchors, partners


def test_the_hand_example():
    # T: softmax(1/.5, .5/.5) = e^2 / (e^2 + e^1) = .7311, and .2689.
    targets = soft_targets(HALF, 0.5)
    assert targets.flatten().tolist() == pytest.approx([0.7311, 0.2689, 0.2689, 0.7311], abs=1e-4)
    # S = (2, .4): log softmax = (-.1839, -1.7839); .7311 * .1839 + .2689 * 1.7839 = .6142. Both directions
    # are alike, because S is symmetric.
    scores = torch.tensor([[1.0, 0.2], [0.2, 1.0]]) / 0.5
    assert float(target_cross_entropy(scores, targets)) == pytest.approx(0.6142, abs=1e-4)


def test_the_second_direction_has_the_same_targets_and_transposed_scores():
    scores = torch.tensor([[1.0, 3.0, 0.0], [0.0, 2.0, 1.0], [2.0, 0.0, 0.5]])
    targets = torch.tensor([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [0.3, 0.3, 0.4]])
    rows = [-(t * s.log_softmax(0)).sum() for s, t in zip(scores, targets, strict=True)]
    columns = [-(t * s.log_softmax(0)).sum() for s, t in zip(scores.T, targets, strict=True)]
    expected = (sum(rows) / 3 + sum(columns) / 3) / 2
    assert float(target_cross_entropy(scores, targets)) == pytest.approx(float(expected), abs=1e-6)


def test_equal_labels_share_evenly(vectors):
    targets = soft_targets(torch.ones(4, 3), 0.35)
    assert torch.allclose(targets, torch.full((4, 4), 0.25))


def test_a_cold_limit_is_plain_infonce(vectors):
    table = torch.eye(4)
    assert torch.allclose(soft_targets(table, 1e-4), torch.eye(4))
    found = labelled_contrastive_loss(
        *vectors, torch.arange(4), table, temperature=0.1, target_temperature=1e-4
    )
    plain = in_batch_loss(*vectors, temperature=0.1, two_way=True, gather=False).loss
    assert float(found) == pytest.approx(float(plain), abs=1e-6)


@pytest.mark.parametrize("targets_of", [hard_targets, lambda labels: soft_targets(HALF[labels], 1e-3)])
def test_a_label_s_duplicates_split_its_mass(targets_of):
    once, twice = targets_of(torch.tensor([0, 1])), targets_of(torch.tensor([0, 0, 1]))
    assert once[0].tolist() == pytest.approx([1, 0])
    assert twice[0].tolist() == pytest.approx([0.5, 0.5, 0])
    assert twice[2].tolist() == pytest.approx([0, 0, 1])


def test_soft_duplicates_share_equally_too():
    row = soft_targets(HALF[[0, 0, 1]], 0.5)[0]
    # e^2, e^2, e^1 over their sum.
    total = 2 * math.e**2 + math.e
    assert row.tolist() == pytest.approx([math.e**2 / total, math.e**2 / total, math.e / total], abs=1e-6)


def test_no_gradient_reaches_the_labels_and_that_of_vectors_is_the_loss_s(vectors):
    table = HALF.clone().requires_grad_()
    anchors, partners = (v.double().requires_grad_() for v in vectors)
    labels = torch.tensor([0, 1, 1, 0])
    loss = labelled_contrastive_loss(anchors, partners, labels, table, temperature=0.5)
    loss.backward()
    assert table.grad is None
    step = 1e-2  # the scores are float32 by design
    for place in ((0, 0), (2, 3)):
        with torch.no_grad():
            moved = torch.zeros_like(anchors)
            moved[place] = step
            values = [
                float(
                    labelled_contrastive_loss(anchors + s * moved, partners, labels, table, temperature=0.5)
                )
                for s in (1, -1)
            ]
        assert float(anchors.grad[place]) == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-3)


def test_repeated_labels_are_no_negatives():
    # Two pairs of one label, all alike, and one of another: the loss is least with equals together.
    together = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    apart = torch.tensor([[1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    labels = torch.tensor([0, 0, 1])
    good, bad = (labelled_contrastive_loss(v, v, labels, None, temperature=0.5) for v in (together, apart))
    # Rows of `together`: S = (2, 2, 0), T = (.5, .5, 0): log(2 + e^-2) = .7586; third: log(1 + 2e^-2).
    assert float(good) == pytest.approx((2 * 0.7586 + 0.2395) / 3, abs=1e-4)
    assert good < bad
