from __future__ import annotations

import pytest
import torch

from embedworks.losses.temperature import Temperature


@pytest.mark.parametrize("log", [False, True])
def test_it_starts_where_it_is_told_and_is_trained(log: bool) -> None:
    temperature = Temperature(0.5, log=log)
    assert temperature().item() == pytest.approx(0.5)
    temperature().backward()
    (parameter,) = temperature.parameters()
    assert parameter.shape == (1,), "DeepSpeed cannot send a parameter without dimensions"
    assert float(parameter.grad) == pytest.approx(0.5 if log else 1.0)  # d exp(v) / dv = exp(v)


def test_a_fixed_one_has_no_parameter_and_is_saved() -> None:
    temperature = Temperature(1 / 64, learned=False)
    assert not list(temperature.parameters())
    assert float(temperature.state_dict()["value"]) == 1 / 64


def gradient_at(value: float, slope: float) -> float:
    temperature = Temperature(1.0, minimum=0.1, maximum=2.0)
    torch.nn.init.constant_(temperature.value, value)
    (slope * temperature()).backward()
    assert 0.1 <= round(temperature().item(), 6) <= 2
    assert temperature.value.grad is not None
    return float(temperature.value.grad)


def test_beyond_a_limit_only_the_way_back_is_open() -> None:
    assert gradient_at(0.05, slope=3.0) == 0, "descent would lower it further"
    assert gradient_at(0.05, slope=-3.0) == -3
    assert gradient_at(2.5, slope=-3.0) == 0
    assert gradient_at(2.5, slope=3.0) == 3
    assert gradient_at(1.0, slope=3.0) == 3


def test_by_its_logarithm_it_never_reaches_zero() -> None:
    temperature = Temperature(0.01, log=True)
    optimizer = torch.optim.SGD(temperature.parameters(), lr=100.0)
    for _ in range(5):
        optimizer.zero_grad()
        temperature().backward()
        optimizer.step()
    assert 0 < temperature().item() < 0.01
