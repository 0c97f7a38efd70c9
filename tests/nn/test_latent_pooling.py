"""Latent-attention pooling: tokens that ask latents, and the reverse."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from embedworks.nn.latent_pooling import LatentPooler, LatentPoolerConfig


def pooler(**keys: Any) -> LatentPooler:
    torch.manual_seed(0)
    shape = {"width": 6, "latents": 3, "heads": 2, "head_width": 4, "expansion": 2, **keys}
    return LatentPooler(LatentPoolerConfig(**shape))


def by_hand(model: LatentPooler, queries_QD: Tensor, context_KD: Tensor) -> Tensor:
    """The formulas, head by head and without torch's attention."""
    x, c = model.query_norm(queries_QD), model.context_norm(context_KD)
    parts = []
    for head in range(model.config.heads):
        rows = slice(head * model.config.head_width, (head + 1) * model.config.head_width)
        q, k, v = (
            x @ model.query.weight[rows].T,
            c @ model.key.weight[rows].T,
            c @ model.value.weight[rows].T,
        )
        parts.append((q @ k.T / math.sqrt(model.config.head_width)).softmax(-1) @ v)
    y = queries_QD + torch.cat(parts, -1) @ model.out.weight.T
    wide = model.norm(y) @ model.wide.weight.T + model.wide.bias
    half = model.config.expansion * model.config.width
    gate = wide[:, half:]
    gelu = 0.5 * gate * (1 + torch.erf(gate / math.sqrt(2)))
    return y + (wide[:, :half] * gelu) @ model.narrow.weight.T + model.narrow.bias


@pytest.mark.parametrize("queries", ["tokens", "latents"])
def test_it_is_the_formula(queries):
    model, states = pooler(queries=queries), torch.randn(1, 5, 6)
    mask = torch.tensor([[0, 1, 1, 1, 0]])
    if queries == "tokens":
        expected = by_hand(model, states[0], model.latents_RD)[1:4].mean(0)
    else:
        expected = by_hand(model, model.latents_RD, states[0, 1:4]).mean(0)
    assert torch.allclose(model(states, mask)[0], expected, atol=1e-6)


def test_one_latent_is_the_same_vector_for_every_token():
    model, states = pooler(latents=1), torch.randn(2, 5, 6)
    taken = model.attend(states, model.latents_RD.expand(2, -1, -1))
    assert torch.allclose(taken, taken[:1, :1].expand_as(taken), atol=1e-6)


@pytest.mark.parametrize("queries", ["tokens", "latents"])
def test_masked_tokens_do_not_count(queries):
    model, states = pooler(queries=queries), torch.randn(1, 5, 6)
    mask = torch.tensor([[0, 1, 1, 1, 0]])
    changed = states.clone()
    changed[0, 0], changed[0, 4] = 50.0, -50.0
    assert torch.allclose(model(states, mask), model(changed, mask), atol=1e-6)
    assert not torch.allclose(model(states, mask), model(changed, torch.ones(1, 5)), atol=1e-2)


def test_one_key_makes_the_reverse_a_residual_layer_of_it():
    # Softmax over one key is 1: what is asked does not matter, and A is the same for every latent.
    model, states = pooler(queries="latents"), torch.randn(2, 1, 6)
    taken = model.attend(model.latents_RD.expand(2, -1, -1), states, torch.ones(2, 1))
    assert torch.allclose(taken, taken[:, :1].expand_as(taken), atol=1e-6)


@pytest.mark.parametrize("queries", ["tokens", "latents"])
def test_every_weight_learns(queries):
    model = pooler(queries=queries)
    model(torch.randn(2, 5, 6), torch.ones(2, 5)).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in model.parameters())


def test_it_computes_in_its_own_precision():
    model = pooler().to(torch.bfloat16)
    assert model(torch.randn(1, 5, 6), torch.ones(1, 5)).dtype == torch.bfloat16


def test_it_is_the_released_code_on_fixed_weights():
    """The numbers are what ``LatentAttentionModel`` of nvidia/NV-Embed-v2 (modeling_nvembed.py) gives.

    The i-th number of the k-th weight is 0.5 sin(0.7 i + k), in the order of ``named`` below.
    """
    model = pooler(width=4, latents=3, heads=2, head_width=3, expansion=4)
    keys_values = torch.empty(12, 4)
    named = [model.latents_RD, *model.query_norm.parameters(), *model.context_norm.parameters()]
    named += [model.query.weight, keys_values, model.out.weight, *model.norm.parameters()]
    named += [*model.wide.parameters(), *model.narrow.parameters()]
    states = torch.empty(2, 3, 4)
    with torch.no_grad():
        for k, weight in [*enumerate(named), (20, states)]:
            weight.copy_(0.5 * torch.sin(0.7 * torch.arange(weight.numel()) + k).view(weight.shape))
        model.key.weight.copy_(keys_values[:6])
        model.value.weight.copy_(keys_values[6:])
    vectors = torch.nn.functional.normalize(model(states, torch.tensor([[0, 1, 1], [1, 1, 0]])), dim=-1)
    expected = [
        [0.5347464, 0.7037497, 0.4662167, -0.0377439],
        [0.3471942, 0.7346744, 0.5716054, -0.1139171],
    ]
    torch.testing.assert_close(vectors, torch.tensor(expected), atol=1e-5, rtol=0)
