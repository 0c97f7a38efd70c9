"""What options of the engine change, and what they may not change."""

import pytest
import torch
from torch import nn

from embedworks.errors import InputError
from helpers.encoded import Encoded, trained


class TwoPhases(Encoded):
    """The same, and a table of its own."""

    def __init__(self):
        super().__init__(0.0)
        self.table = Table()

    def phases(self):
        return {"encoder": Part(self), "table": self.table}


class Part(nn.Module):
    def __init__(self, objective):
        super().__init__()
        self.inner = objective.inner
        object.__setattr__(self, "objective", objective)

    def forward(self, batch):
        return self.objective.forward(batch)


class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.values = nn.Parameter(torch.ones(4, 3))

    def forward(self, batch):
        return {"loss": self.values.square().sum()}


# With the usual eps Adam makes the rounding of gradients that are all but zero as large as any step.
SMOOTH = {"optimizer": {"learning_rate": 1e-2, "eps": 1e-3}}


def assert_same(got, expected):
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "given",
    [
        {"activation_checkpointing": True},
        {"zero": 1, "offload": {"optimizer": "cpu"}},
        {"zero": 2, "offload": {"optimizer": "cpu"}},
        {"zero": 3, "offload": {"optimizer": "cpu", "parameters": "cpu"}},
    ],
    ids=str,
)
def test_what_saves_memory_changes_no_weight(alone, given):
    before = dict(Encoded(0.0).named_parameters())
    expected = trained(Encoded(0.0), **SMOOTH)
    assert any((value - before[name]).abs().max() > 1e-3 for name, value in expected.items())
    assert_same(trained(Encoded(0.0), **SMOOTH, **given), expected)


def test_lora_leaves_the_base_alone(alone):
    plain = dict(Encoded().named_parameters())
    found = trained(Encoded(), lora={"rank": 2, "targets": ["query", "dense"]})
    base = {name.replace(".base_layer", ""): value for name, value in found.items() if "lora_" not in name}
    assert base.keys() == plain.keys()
    assert all(torch.equal(value, plain[name]) for name, value in base.items())
    assert all(value.abs().max() > 0 for name, value in found.items() if "lora_B" in name)


def test_a_phase_may_have_an_optimizer_of_its_own(alone):
    before = dict(TwoPhases().named_parameters())
    still = {"name": "sgd", "learning_rate": 1e-30, "weight_decay": 0}
    found = trained(TwoPhases(), phase_optimizers={"table": still})
    assert torch.equal(found["table.values"], before["table.values"])
    assert any(not torch.equal(value, before[name]) for name, value in found.items() if "inner" in name)


def test_a_group_freezes_within_its_own_phase(alone):
    before = dict(TwoPhases().named_parameters())
    only = {"learning_rate": 1e-2, "groups": [{"match": "*.word_embeddings.*", "freeze": True}]}
    found = trained(TwoPhases(), phase_optimizers={"encoder": only})
    words = "inner.encoder.embeddings.word_embeddings.weight"
    assert torch.equal(found[words], before[words])
    assert not torch.equal(found["table.values"], before["table.values"])


def test_a_phase_that_is_not_there_is_refused(alone):
    with pytest.raises(InputError, match="did you mean 'table'"):
        trained(TwoPhases(), phase_optimizers={"tble": {}})
