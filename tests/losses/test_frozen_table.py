from __future__ import annotations

import math

import pytest
import torch

from embedworks.losses.frozen_table import frozen_table_loss, hit_rate, table_scores

EYE = torch.eye(2)


def drawn(rows: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def test_one_class_alone_has_no_loss():
    assert float(frozen_table_loss(drawn(3, 4), drawn(1, 4), torch.zeros(3, dtype=torch.long))) == 0


def test_two_orthonormal_classes():
    # Scores 1 and 0: -log(e / (e + 1)) = log(1 + 1/e) = 0.3133.
    loss = frozen_table_loss(EYE[:1], EYE, torch.tensor([0]))
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-6)
    # Scores 20 and 0 of unit vectors at 0.05, and the other class is the right one: log(1 + e^20) = 20.
    assert float(frozen_table_loss(EYE[:1], EYE, torch.tensor([1]), 0.05)) == pytest.approx(20, abs=1e-4)


def test_the_mean_is_over_samples():
    # log(1 + 1/e) and log(1 + e).
    loss = frozen_table_loss(EYE, EYE, torch.tensor([0, 0]))
    assert float(loss) == pytest.approx((0.313262 + 1.313262) / 2, abs=1e-5)


def test_the_gradient_goes_to_samples_alone():
    vectors, table = drawn(5, 4).requires_grad_(), drawn(7, 4, 1).requires_grad_()
    labels = torch.tensor([0, 1, 2, 3, 6])
    frozen_table_loss(vectors, table, labels, 0.5).backward()
    assert table.grad is None
    # d loss / d f(x) = (sum_e p_e E_e - E_own) / (tau B)
    p = torch.softmax(vectors.detach() @ table.detach().T / 0.5, dim=1)
    right = (p @ table.detach() - table.detach()[labels]) / (0.5 * 5)
    assert torch.allclose(vectors.grad, right, atol=1e-6)


def test_comparing_with_all_others_is_the_full_loss():
    vectors, table, labels = drawn(6, 4), drawn(9, 4, 1), torch.tensor([0, 3, 3, 8, 5, 1])
    full = frozen_table_loss(vectors, table, labels)
    for enough in (8, 50):
        assert torch.equal(frozen_table_loss(vectors, table, labels, sampled=enough), full)


def test_a_sample_of_classes_is_right_in_the_mean():
    vectors, table, labels = 0.3 * drawn(1, 4), drawn(40, 4, 1), torch.tensor([7])
    own = float(table_scores(vectors, table)[0, 7])
    torch.manual_seed(3)
    # The loss is log Z - own; e^loss e^own estimates Z without bias, its logarithm does not.
    sums = [
        math.exp(float(frozen_table_loss(vectors, table, labels, sampled=10)) + own) for _ in range(3000)
    ]
    total = float(table_scores(vectors, table).exp().sum())
    assert len({round(one, 4) for one in sums}) > 100, "every call draws anew"
    assert sum(sums) / len(sums) == pytest.approx(total, rel=0.02)


def test_a_sample_has_a_gradient_to_samples_alone():
    vectors, table = drawn(5, 4).requires_grad_(), drawn(30, 4, 1).requires_grad_()
    torch.manual_seed(0)
    frozen_table_loss(vectors, table, torch.arange(5), sampled=4).backward()
    assert table.grad is None
    assert bool(vectors.grad.isfinite().all())
    assert float(vectors.grad.abs().sum()) > 0


def test_hits_are_nearest_to_their_own_class():
    table = drawn(8, 16)
    assert float(hit_rate(table[:4] * 3, table, torch.arange(4))) == 1
    assert float(hit_rate(table[:4] * 3, table, torch.tensor([0, 1, 7, 7]))) == 0.5
