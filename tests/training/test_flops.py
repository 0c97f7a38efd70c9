from __future__ import annotations

import pytest
import torch
from torch import nn

from embedworks.training.flops import count_work
from helpers.tiny import tiny_model

WIDTH, LAYERS = 32, 4
# Of one layer: queries, keys, values and output, then the feed-forward part twice as wide.
WEIGHTS = LAYERS * (4 * WIDTH**2 + 2 * WIDTH * 2 * WIDTH)


@pytest.fixture
def objective() -> nn.Module:
    return nn.ModuleDict({"model": tiny_model(layers=LAYERS, width=WIDTH), "head": nn.Linear(WIDTH, 1000)})


def test_a_trained_encoder_costs_six_flops_a_weight_and_token(objective):
    work = count_work(objective)
    assert work.per_token == 6 * WEIGHTS
    assert work.per_square == 12 * LAYERS * WIDTH
    assert work.of(tokens=10, squares=52) == 60 * WEIGHTS + 52 * 12 * LAYERS * WIDTH


def test_cached_gradients_cost_one_more_forward_pass(objective):
    work = count_work(objective, is_chunked=True)
    assert (work.per_token, work.per_square) == (8 * WEIGHTS, 16 * LAYERS * WIDTH)


def test_a_frozen_encoder_only_goes_forward(objective):
    objective.requires_grad_(False)
    work = count_work(objective)
    assert (work.per_token, work.per_square) == (2 * WEIGHTS, 4 * LAYERS * WIDTH)


def test_frozen_layers_among_trained_ones_pass_gradients_on(objective):
    encoder = objective["model"].encoder
    for layer in encoder.modules():
        if isinstance(layer, nn.Linear):
            layer.requires_grad_(False)
    assert count_work(objective).per_token == 4 * WEIGHTS


def test_forward_and_backward_agree_with_a_counter_of_operations(objective):
    from torch.utils.flop_counter import FlopCounterMode

    encoder = objective["model"].encoder
    encoder.set_attn_implementation("eager")  # whose products the counter sees
    ids = torch.randint(5, 60, (3, 16))
    counter = FlopCounterMode(display=False)
    with counter:
        encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.sum().backward()
    ours = count_work(objective).of(tokens=ids.numel(), squares=3 * 16**2)
    assert counter.get_total_flops() == pytest.approx(ours, rel=0.01)


def test_without_an_encoder_nothing_is_claimed():
    assert count_work(nn.Linear(3, 3)) is None
