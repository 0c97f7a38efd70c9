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
