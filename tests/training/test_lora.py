"""Adapters start as nothing, train alone, and end in the weights."""

import copy

import pytest
import torch
from torch import nn

from embedworks.errors import InputError
from embedworks.objective import Objective, ObjectiveConfig, Start
from embedworks.training.lora import add_lora, fold_lora
from embedworks.training.options import LoraOptions
from helpers.tiny import tiny_decoder, tiny_model

TEXTS = ["the cat", "a red bird sings in the river"]


class Adapted(Objective):
    """An embedder with a head."""

    def __init__(self) -> None:
        super().__init__(ObjectiveConfig(), Start())
        self.inner = tiny_model(layers=2)
        self.head = nn.Linear(32, 4)

    @classmethod
    def transform(cls, config, start):
        raise NotImplementedError

    def forward(self, batch):
        raise NotImplementedError

    def embedder(self):
        return self.inner


def vectors(objective):
    tokens = objective.inner.tokenize(TEXTS)
    return objective.inner.eval()(**tokens)


def test_an_adapter_starts_as_nothing_and_trains_alone():
    objective = Adapted()
    before = vectors(objective)
    add_lora(objective, LoraOptions(rank=3, targets=("query", "value")))
    torch.testing.assert_close(vectors(objective), before)
    trained = {name for name, p in objective.named_parameters() if p.requires_grad}
    heads = {name for name in trained if name.startswith("head.")}
    assert heads == {"head.weight", "head.bias"}
    assert all(".lora_" in name for name in trained - heads)
    assert len(trained - heads) == 2 * 2 * 2, "A and B of two matrices in two layers"


def test_folding_keeps_the_vectors_and_brings_the_plain_layers_back():
    objective, options = Adapted(), LoraOptions(rank=3, alpha=6)
    names = list(objective.state_dict())
    plain = copy.deepcopy(objective.state_dict())
    add_lora(objective, options)
    torch.manual_seed(0)
    for parameter in objective.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.2)
    adapted = vectors(objective)
    fold_lora(objective, options)
    assert list(objective.state_dict()) == names
    torch.testing.assert_close(vectors(objective), adapted)
    changed = {name for name in names if not torch.equal(plain[name], objective.state_dict()[name])}
    assert {name for name in changed if name.startswith("inner")} == {
        name for name in names if ".layer." in name and name.endswith("weight") and "LayerNorm" not in name
    }


def test_folded_weights_are_base_plus_scaled_product():
    objective, options = Adapted(), LoraOptions(rank=2, alpha=6, targets=("query",))
    layer = objective.inner.encoder.encoder.layer[0].attention.self
    base = layer.query.weight.detach().clone()
    add_lora(objective, options)
    a, b = layer.query.lora_A["default"].weight, layer.query.lora_B["default"].weight
    nn.init.normal_(b)
    product = (b @ a).detach() * 6 / 2
    fold_lora(objective, options)
    torch.testing.assert_close(layer.query.weight, base + product)


def test_a_layer_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'query'"):
        add_lora(Adapted(), LoraOptions(targets=("qury",)))


def test_without_options_nothing_happens():
    objective = Adapted()
    add_lora(objective, None)
    fold_lora(objective, None)
    assert all(parameter.requires_grad for parameter in objective.parameters())


def test_a_decoder_gets_adapters_and_its_pooler_trains_whole():
    objective = Adapted()
    objective.inner = tiny_decoder(pooler={})
    before = vectors(objective)
    add_lora(objective, LoraOptions(rank=2, targets=("q_proj", "v_proj")))
    torch.testing.assert_close(vectors(objective), before)
    trained = {name for name, p in objective.named_parameters() if p.requires_grad}
    pooler = {f"inner.pooler.{name}" for name, _ in objective.inner.pooler.named_parameters()}
    assert pooler <= trained
    assert all(".lora_" in name for name in trained if name.startswith("inner.encoder."))
    fold_lora(objective, LoraOptions(rank=2, targets=("q_proj", "v_proj")))
    torch.testing.assert_close(vectors(objective), before)
