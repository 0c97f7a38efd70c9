import math

import pytest
import torch

from embedworks.losses.cosent import cosent


def test_cosent_by_hand() -> None:
    # Gold order 0 > 1 = 2: the pairs (0, 1) and (0, 2) count, (1, 2) does not.
    loss = cosent(torch.tensor([0.5, 0.7, 0.1]), torch.tensor([1.0, 0.0, 0.0]), temperature=0.1)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(2) + math.exp(-4)), abs=1e-5)


def test_equal_gold_scores_teach_nothing() -> None:
    similarities = torch.tensor([0.5, 0.7], requires_grad=True)
    loss = cosent(similarities, torch.ones(2))
    loss.backward()
    assert loss.item() == 0
    assert similarities.grad is not None
    assert similarities.grad.abs().sum() == 0


def test_right_order_costs_less() -> None:
    gold = torch.tensor([3.0, 2.0, 1.0])
    assert cosent(torch.tensor([0.9, 0.5, 0.1]), gold) < cosent(torch.tensor([0.1, 0.5, 0.9]), gold)
