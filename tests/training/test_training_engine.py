from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from embedworks.objective import Losses, Objective, ObjectiveConfig, Start
from embedworks.training.engine import learning_rate_factors, new_optimizer, parameter_groups
from embedworks.training.lamb import Lamb
from embedworks.training.options import OptimizerOptions


class Towers(Objective):
    """Two layers and a scalar that learns ten times as fast."""

    rates: Mapping[str, float]

    def __init__(self, rates: Mapping[str, float]) -> None:
        super().__init__(ObjectiveConfig(), Start())
        self.left, self.right = nn.Linear(2, 2), nn.Linear(2, 2)
        self.sigma = nn.Parameter(torch.ones(()))
        object.__setattr__(self, "rates", rates)

    @classmethod
    def transform(cls, config, start):
        raise NotImplementedError

    def forward(self, batch) -> Losses:
        raise NotImplementedError

    def embedder(self):
        raise NotImplementedError

    def learning_rates(self) -> Mapping[str, float]:
        return self.rates


def groups(rates: Mapping[str, float]) -> list[dict]:
    objective = Towers(rates)
    names = {parameter: name for name, parameter in objective.named_parameters()}
    found = parameter_groups(objective, 0.1, 1e-3, learning_rate_factors(objective))
    return [group | {"params": [names[p] for p in group["params"]]} for group in found]


def test_matrices_decay_and_the_rest_does_not():
    assert groups({}) == [
        {"params": ["left.weight", "right.weight"], "weight_decay": 0.1, "lr": 1e-3},
        {"params": ["sigma", "left.bias", "right.bias"], "weight_decay": 0.0, "lr": 1e-3},
    ]


def test_a_factor_changes_the_learning_rate_of_what_its_pattern_matches():
    found = groups({"sigma": 10, "left.*": 0.5})
    rates = {name: group["lr"] for group in found for name in group["params"]}
    assert rates == {
        "left.weight": 5e-4,
        "left.bias": 5e-4,
        "right.weight": 1e-3,
        "right.bias": 1e-3,
        "sigma": pytest.approx(1e-2),
    }
    assert found[0]["lr"] == 1e-3, "the engine reports the first group's"


@pytest.mark.parametrize(
    ("rates", "hint"),
    [({"sigmma": 10}, "no parameter's name"), ({"sigma": 10, "s*": 2}, "several factors")],
)
def test_a_pattern_that_matches_nothing_or_twice_is_refused(rates, hint):
    with pytest.raises(ValueError, match=hint):
        learning_rate_factors(Towers(rates))


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("lamb", Lamb)])
def test_the_options_name_the_optimizer(name, kind):
    optimizer = new_optimizer(parameter_groups(Towers({}), 0.1, 1e-3, {}), OptimizerOptions(name=name))
    assert type(optimizer) is kind
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
