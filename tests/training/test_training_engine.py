from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from embedworks.errors import InputError
from embedworks.nn.encoder import layer_stack
from embedworks.objective import Losses, Objective, ObjectiveConfig, Start
from embedworks.training.optimizer_options import OptimizerOptions
from embedworks.training.optimizers.build import new_optimizer
from embedworks.training.optimizers.groups import (
    freeze,
    hidden_matrices,
    layer_factors,
    parameter_groups,
    treatments,
)
from embedworks.training.optimizers.lamb import Lamb
from embedworks.training.optimizers.muon import Muon
from helpers.tiny import tiny_model


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


def groups(rates: Mapping[str, float], **options) -> list[dict]:
    objective = Towers(rates)
    wanted = OptimizerOptions.model_validate({"learning_rate": 1e-3, "weight_decay": 0.1} | options)
    freeze(objective, wanted.groups, objective)
    names = {parameter: name for name, parameter in objective.named_parameters()}
    found = parameter_groups(objective, wanted, treatments(objective, wanted))
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
        treatments(Towers(rates), OptimizerOptions())


def test_a_group_has_a_rate_and_a_decay_of_its_own_and_the_last_match_counts():
    found = groups(
        {"sigma": 10},
        groups=[
            {"match": "left.*", "learning_rate_factor": 0.5, "weight_decay": 0.3},
            {"match": "left.bias", "learning_rate_factor": 0.1},
            {"match": "sigma", "learning_rate_factor": 2},
        ],
    )
    rates = {name: (group["lr"], group["weight_decay"]) for group in found for name in group["params"]}
    assert rates == {
        "left.weight": (5e-4, 0.3),
        "left.bias": (1e-4, 0.0),
        "right.weight": (1e-3, 0.1),
        "right.bias": (1e-3, 0.0),
        "sigma": (pytest.approx(2e-2), 0.0),
    }


def test_what_is_frozen_is_in_no_group():
    names = [
        name
        for group in groups({}, groups=[{"match": "left.*", "freeze": True}])
        for name in group["params"]
    ]
    assert sorted(names) == ["right.bias", "right.weight", "sigma"]


def test_a_group_that_matches_nothing_names_the_nearest():
    with pytest.raises(InputError, match=r"left\.weight"):
        groups({}, groups=[{"match": "left.weght"}])


def test_layers_learn_more_slowly_the_lower_they_are():
    encoder = tiny_model(layers=3).encoder
    factors = layer_factors(nn.Sequential(encoder), 0.5)
    layers = [{factors[p] for p in layer.parameters()} for layer in layer_stack(encoder)]
    assert layers == [{0.25}, {0.5}, {1.0}]
    assert {factors[p] for p in encoder.embeddings.parameters()} == {0.125}
    with pytest.raises(InputError, match="no encoder"):
        layer_factors(Towers({}), 0.5)


def test_muon_takes_the_matrices_of_hidden_layers():
    encoder = tiny_model(layers=1).encoder
    named = {p: name for name, p in encoder.named_parameters()}
    hidden = {named[p] for p in hidden_matrices(nn.Sequential(encoder))}
    assert "encoder.layer.0.attention.self.query.weight" in hidden
    assert not any("embedding" in name or "bias" in name or "Norm" in name for name in hidden)
    assert len(hidden) == 6


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamw", torch.optim.AdamW),
        ("adam", torch.optim.Adam),
        ("sgd", torch.optim.SGD),
        ("lamb", Lamb),
        ("muon", Muon),
        ("adafactor", torch.optim.Adafactor),
    ],
)
def test_the_options_name_the_optimizer(name, kind):
    objective, options = Towers({}), OptimizerOptions(name=name, weight_decay=0.1, learning_rate=0.01)
    optimizer = new_optimizer(parameter_groups(objective, options, {}), options)
    assert type(optimizer) is kind
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    before = objective.left.weight.detach().clone()
    objective.left(torch.ones(3, 2)).sum().backward()
    optimizer.step()
    assert not torch.equal(objective.left.weight, before)
