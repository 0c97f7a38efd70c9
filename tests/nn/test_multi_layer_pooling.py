"""Multi-layer trainable pooling (arXiv 2409.02727): the sheet's checks of the pooler, by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from embedworks.nn.latent_pooling import LatentPooler, LatentPoolerConfig
from embedworks.nn.multi_layer_pooling import MultiLayerPooler, MultiLayerPoolerConfig

SHAPE = {"width": 6, "latents": 3, "heads": 2, "head_width": 4, "expansion": 2}


def pooler(**keys: Any) -> MultiLayerPooler:
    torch.manual_seed(0)
    return MultiLayerPooler(MultiLayerPoolerConfig(**{**SHAPE, "layers": 4, **keys}))


def without_marks(model: MultiLayerPooler) -> MultiLayerPooler:
    with torch.no_grad():
        model.layers_LD.zero_()
    return model


def states(layers: int = 4) -> tuple[torch.Tensor, ...]:
    return tuple(torch.randn(2, 5, 6) for _ in range(layers))


MASK = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])


@pytest.mark.parametrize("tokens", ["mean", "last"])
def test_a_layer_is_summed_up_without_padding(tokens):
    model, given = pooler(tokens=tokens), states()
    found = model.summaries(given, MASK)
    assert found.shape == (2, 4, 6)
    for n, one in enumerate(given):
        short, whole = one[0, :3], one[1]
        expected = [x.mean(0) if tokens == "mean" else x[-1] for x in (short, whole)]
        torch.testing.assert_close(found[:, n], torch.stack(expected))


def test_equal_rows_without_layer_vectors_are_attended_to_uniformly():
    # All keys are one key, so each of L weighs 1 / L and A = W_o W_v LN(s), whatever L is.
    model, row = without_marks(pooler()), torch.randn(1, 1, 6)
    attention = model.attention
    latents = attention.latents_RD.expand(1, -1, -1)
    alone = attention.out(attention.value(attention.context_norm(row)))
    for layers in (1, 2, 4):
        taken = attention.attend(latents, row.expand(1, layers, 6))
        torch.testing.assert_close(taken, alone.expand(1, 3, 6), atol=1e-6, rtol=0)
    # Keys that differ and are asked alike weigh alike as well: the mean of their values.
    rows = torch.randn(1, 4, 6)
    with torch.no_grad():
        attention.key.weight.zero_()
    taken = attention.attend(latents, rows)
    mean = attention.out(attention.value(attention.context_norm(rows)).mean(1, keepdim=True))
    torch.testing.assert_close(taken, mean.expand(1, 3, 6), atol=1e-6, rtol=0)


def test_the_order_of_layers_matters_by_their_vectors_alone():
    model, given = pooler(), states()
    turned = (given[2], given[0], given[3], given[1])
    assert (model(given, MASK) - model(turned, MASK)).abs().max() > 1e-3
    without_marks(model)
    torch.testing.assert_close(model(given, MASK), model(turned, MASK), atol=1e-6, rtol=0)


def test_every_layer_and_every_weight_learn():
    model = pooler()
    given = tuple(one.requires_grad_() for one in states())
    model(given, MASK).square().sum().backward()
    for one in given:
        assert one.grad is not None
        assert one.grad[0, :3].abs().sum() > 0
        assert not one.grad[0, 3:].any(), "padding"
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in model.parameters())


def test_an_encoder_that_was_cut_uses_the_vectors_of_its_first_layers():
    model, given = pooler(), states()
    short = pooler(layers=2)
    short.load_state_dict({**model.state_dict(), "layers_LD": model.layers_LD[:2]})
    torch.testing.assert_close(model(given[:2], MASK), short(given[:2], MASK))


def test_it_computes_in_its_own_precision():
    assert pooler().to(torch.bfloat16)(states(), MASK).dtype == torch.bfloat16


def test_one_token_makes_the_last_layer_pooler_a_residual_layer():
    # What is not the last token is not seen, and softmax over one key is 1 (Model 2 of the paper).
    torch.manual_seed(0)
    model = LatentPooler(LatentPoolerConfig(**SHAPE, queries="latents", tokens="last"))
    given = torch.randn(2, 5, 6)
    taken = model.out(model.value(model.context_norm(torch.stack([given[0, 2], given[1, 4]]))))
    seen = model.latents_RD + taken[:, None]
    x, gate = model.wide(model.norm(seen)).chunk(2, -1)
    gelu = 0.5 * gate * (1 + torch.erf(gate / math.sqrt(2)))
    expected = (seen + model.narrow(x * gelu)).mean(1)
    torch.testing.assert_close(model(given, MASK), expected, atol=1e-6, rtol=1e-5)


def test_it_is_the_released_code_on_fixed_weights():
    """The numbers are what ``PerceiverResampler`` of yixuantt/PoolingAndAttn (pooling_layers) gives.

    The i-th number of the k-th weight is 0.5 sin(0.7 i + k), in the order of ``named`` below.
    """
    model = pooler(width=4, layers=3, latents=3, head_width=3, expansion=4)
    inner, keys_values, summary = model.attention, torch.empty(12, 4), torch.empty(2, 3, 4)
    named = [inner.latents_RD, model.layers_LD, inner.query.weight, keys_values, inner.out.weight]
    named += [*inner.context_norm.parameters(), *inner.query_norm.parameters()]
    named += [*inner.wide.parameters(), *inner.narrow.parameters(), *inner.norm.parameters()]
    with torch.no_grad():
        for k, weight in [*enumerate(named), (20, summary)]:
            weight.copy_(0.5 * torch.sin(0.7 * torch.arange(weight.numel()) + k).view(weight.shape))
        inner.key.weight.copy_(keys_values[:6])
        inner.value.weight.copy_(keys_values[6:])
    vectors = torch.nn.functional.normalize(model.attend(summary), dim=-1)
    expected = [
        [-0.2332496, 0.7803774, 0.5735673, 0.0873287],
        [-0.2448255, 0.7436286, 0.6131990, 0.1051850],
    ]
    torch.testing.assert_close(vectors, torch.tensor(expected), atol=1e-5, rtol=0)
