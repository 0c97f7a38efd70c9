"""Values and gradients are those of torch's own functions; dropout keeps what it should."""

import pytest
import torch
from torch.nn import functional as F

from embedworks.nn.fast_ops import add_dropped, attention, kept, linear
from embedworks.nn.unpadded import Group

HEADS, WIDTH = 2, 6


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3)])
@pytest.mark.parametrize("has_bias", [True, False])
def test_linear_has_torchs_values_and_gradients(shape, has_bias):
    torch.manual_seed(0)
    x = torch.randn(5, shape[1], dtype=torch.float64, requires_grad=True)
    weight = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(shape[0], dtype=torch.float64, requires_grad=True) if has_bias else None
    inputs = [x, weight, *([bias] if has_bias else [])]
    mine, theirs = linear(x, weight, bias), F.linear(x, weight, bias)
    close(mine, theirs)
    for got, expected in zip(
        torch.autograd.grad(mine.sin().sum(), inputs),
        torch.autograd.grad(theirs.sin().sum(), inputs),
        strict=True,
    ):
        close(got, expected)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_kept_is_true_as_often_as_it_should_be(rate):
    torch.manual_seed(0)
    keep = kept(torch.Size((997, 1001)), rate)
    assert keep.shape == (997, 1001)
    assert float(keep.float().mean()) == pytest.approx(1 - rate, abs=0.002)
    # Neighbours are drawn apart from each other, though four share one number of 64 bits.
    both = keep[:, :-1] & keep[:, 1:]
    assert float(both.float().mean()) == pytest.approx((1 - rate) ** 2, abs=0.003)


def test_kept_draws_from_torchs_random_state():
    torch.manual_seed(3)
    first = kept(torch.Size((64,)), 0.5)
    assert not torch.equal(first, kept(torch.Size((64,)), 0.5))
    torch.manual_seed(3)
    assert torch.equal(first, kept(torch.Size((64,)), 0.5))


@pytest.mark.parametrize("has_base", [True, False])
def test_add_dropped_scales_what_it_keeps(has_base):
    torch.manual_seed(0)
    x = torch.randn(50, 40, dtype=torch.float64, requires_grad=True)
    base = torch.randn(50, 40, dtype=torch.float64, requires_grad=True) if has_base else None
    torch.manual_seed(7)
    out = add_dropped(base, x, 0.3)
    torch.manual_seed(7)
    factor = kept(x.shape, 0.3).double() / 0.7
    close(out, x * factor + (base if has_base else 0))
    close(torch.autograd.grad(out.sum(), x, retain_graph=True)[0], factor)
    if has_base:
        close(torch.autograd.grad(out.sum(), base)[0], torch.ones_like(base))


def grouped():
    """Two groups: three texts of 4 tokens, of which one has padding, and two of 2."""
    bias = torch.zeros(3, 1, 4, dtype=torch.float64)
    bias[1, 0, 3] = torch.finfo(torch.float64).min
    return (Group(0, 3, 4, bias), Group(12, 2, 2))


def by_torch(joined, groups, keeps, rate):
    parts = []
    for group, keep in zip(groups, keeps, strict=True):
        rows = joined[group.first : group.stop].view(group.texts, group.length, 3, HEADS, -1)
        q, k, v = rows.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        if group.bias_G1T is not None:
            scores = scores + group.bias_G1T[:, None]
        seen = (scores.softmax(-1) * keep.view_as(scores) / (1 - rate)) @ v
        parts.append(seen.transpose(1, 2).reshape(-1, WIDTH))
    return torch.cat(parts)


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_attention_has_torchs_values_and_gradients(rate):
    torch.manual_seed(0)
    joined = torch.randn(16, 3 * WIDTH, dtype=torch.float64, requires_grad=True)
    groups = grouped()
    torch.manual_seed(5)
    keeps = [kept(torch.Size((g.texts * HEADS, g.length, g.length)), rate) for g in groups]
    torch.manual_seed(5)
    mine, theirs = attention(joined, groups, HEADS, rate), by_torch(joined, groups, keeps, rate)
    close(mine, theirs)
    close(
        torch.autograd.grad(mine.sin().sum(), joined)[0], torch.autograd.grad(theirs.sin().sum(), joined)[0]
    )
