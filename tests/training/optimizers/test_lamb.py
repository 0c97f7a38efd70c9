"""LAMB against numbers worked out by hand from Algorithm 2 of arXiv 1904.00962."""

from __future__ import annotations

import math

import pytest
import torch

from embedworks.training.optimizers.lamb import Lamb


def steps(start: list[float], gradients: list[list[float]], **options: float) -> list[float]:
    """A layer of one row after these steps."""
    x = torch.tensor([start])
    optimizer = Lamb([x], **options)
    for gradient in gradients:
        x.grad = torch.tensor([gradient])
        optimizer.step()
    return x[0].tolist()


def test_the_first_step_is_the_learning_rate_times_the_norm():
    """m_hat = g and v_hat = g^2, so r = (1, -1), |r| = sqrt 2; |x| = 5."""
    moved = 0.1 * 5 / math.sqrt(2)
    assert steps([3.0, 4.0], [[2.0, -7.0]], lr=0.1, eps=0.0) == pytest.approx(
        [3 - moved, 4 + moved], abs=1e-6
    )


def test_the_second_step_by_hand():
    # m = 0.9 * 0.1 + 0.1 * 3, v = 0.999 * 0.001 + 0.001 * 9, each without its bias; one number has
    # u / |u| = 1 whatever they are: 2 -> 1.8 -> 1.62.
    assert steps([2.0], [[1.0], [3.0]], lr=0.1) == pytest.approx([1.62], abs=1e-6)


def test_moments_weigh_the_coordinates():
    """Gradients (1, 1) and then (1, 3): the ratio of the two updates is r_2 / r_1."""
    first = steps([1.0, 1.0], [[1.0, 1.0]], lr=0.1, eps=0.0)
    second = steps([1.0, 1.0], [[1.0, 1.0], [1.0, 3.0]], lr=0.1, eps=0.0)
    m = (0.9 * 0.1 + 0.1 * 3) / (1 - 0.9**2)
    v = (0.999 * 0.001 + 0.001 * 9) / (1 - 0.999**2)
    r = (1.0, m / math.sqrt(v))
    factor = 0.1 * math.hypot(*first) / math.hypot(*r)
    assert second == pytest.approx([f - factor * one for f, one in zip(first, r, strict=True)], abs=1e-6)


def test_weight_decay_turns_the_step_and_does_not_lengthen_it():
    x = torch.tensor(steps([3.0, 4.0], [[1.0, 1.0]], lr=0.1, eps=0.0, weight_decay=0.5))
    u = torch.tensor([1 + 0.5 * 3, 1 + 0.5 * 4])
    assert torch.allclose(x, torch.tensor([3.0, 4.0]) - 0.1 * 5 * u / u.norm())
    assert float((x - torch.tensor([3.0, 4.0])).norm()) == pytest.approx(0.5, abs=1e-6)


def test_a_layer_that_starts_at_zero_moves():
    assert steps([0.0, 0.0], [[4.0, -4.0]], lr=0.1, eps=0.0) == pytest.approx([-0.1, 0.1])


@pytest.mark.parametrize("start", [torch.tensor(5.0), torch.full((2,), 5.0)])
def test_biases_and_scalars_move_as_under_adam(start):
    ours, adam = start.clone(), start.clone()
    optimizers = [Lamb([ours], lr=0.1, eps=1e-8), torch.optim.Adam([adam], lr=0.1)]
    for gradient in (1.0, 3.0, -2.0):
        ours.grad, adam.grad = (torch.full_like(start, gradient) for _ in range(2))
        for optimizer in optimizers:
            optimizer.step()
    assert torch.allclose(ours, adam)


def test_a_parameter_without_gradient_stays_and_a_zero_gradient_is_no_nan():
    x, alone = torch.ones(2), torch.ones(2)
    x.grad = torch.zeros(2)
    Lamb([x, alone], lr=0.1).step()
    assert x.tolist() == alone.tolist() == [1, 1]


def test_its_state_can_be_saved():
    def run(stop: bool) -> torch.Tensor:
        x = torch.tensor([3.0, 4.0])
        optimizer = Lamb([x], lr=0.1)
        for number in range(4):
            if stop and number == 2:
                state = optimizer.state_dict()
                optimizer = Lamb([x], lr=0.1)
                optimizer.load_state_dict(state)
            x.grad = torch.tensor([1.0, float(number)])
            optimizer.step()
        return x

    assert torch.equal(run(stop=True), run(stop=False))
