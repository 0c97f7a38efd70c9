from __future__ import annotations

import math

import pytest
import torch

from embedworks.errors import InputError
from embedworks.losses.angle import angle_loss, angle_scores


def test_an_angle_by_hand() -> None:
    # 1 + 2i over 3 + 4i: re = (3 + 8) / 25 = 0.44, im = (6 - 4) / 25 = 0.08, and |1 + 2i| / |3 + 4i| =
    # sqrt 5 / 5 divides both: 0.98387 + 0.17889 = 1.16276.
    found = angle_scores(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))
    assert float(found) == pytest.approx(0.52 * 5 / math.sqrt(5), rel=1e-6)


def test_the_released_code_gives_the_same() -> None:
    # SeanLee97/AnglE, angle_emb/angle.py of 14 March 2024: angle_loss with tau 1, worked out in float64
    # step by step as it stands there (z, re, im, dz / dw, absolute sum, masked differences, logsumexp).
    left = torch.tensor([[0.5, -1.0, 2.0, 0.25], [1.5, 0.5, -0.75, 1.0], [-0.3, 0.8, 0.1, -1.2]])
    right = torch.tensor([[1.0, 0.5, -0.5, 2.0], [0.2, -1.4, 0.6, 0.9], [-0.5, 0.7, 0.3, -1.0]])
    grades = torch.tensor([0.0, 1.0, 1.0])
    assert angle_scores(left, right).tolist() == pytest.approx(released_scores(left, right), rel=1e-5)
    s = released_scores(left, right)
    expected = math.log(1 + math.exp(s[0] - s[1]) + math.exp(s[0] - s[2]))
    assert float(angle_loss(left, right, grades)) == pytest.approx(expected, rel=1e-5)


def released_scores(left: torch.Tensor, right: torch.Tensor) -> list[float]:
    scores = []
    for u, v in zip(left.tolist(), right.tolist(), strict=True):
        (a, b), (c, d) = (u[:2], u[2:]), (v[:2], v[2:])
        z = sum(x * x for x in v)
        re = [(a[i] * c[i] + b[i] * d[i]) / z for i in range(2)]
        im = [(b[i] * c[i] - a[i] * d[i]) / z for i in range(2)]
        ratio = math.sqrt(sum(x * x for x in u)) / math.sqrt(z)
        scores.append(abs(sum(x / ratio for x in re + im)))
    return scores


def test_right_order_costs_less_and_a_zero_vector_is_no_accident() -> None:
    left = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    right = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert angle_scores(left, right).tolist() == [1.0, 0.0]
    good, bad = (angle_loss(left, right, torch.tensor(g)) for g in ([1.0, 0.0], [0.0, 1.0]))
    assert good < bad


def test_odd_widths_have_no_halves() -> None:
    with pytest.raises(InputError, match="width of 3"):
        angle_scores(torch.ones(1, 3), torch.ones(1, 3))
