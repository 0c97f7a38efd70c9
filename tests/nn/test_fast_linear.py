"""Prepared products are F.linear, as exactly as their weights allow."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from embedworks.nn.fast_linear import PreparedLinear, has_fbgemm, prepared

TOLERANCE = {"fp32": 1e-5, "bf16": 0.03, "fp16": 1e-3, "int8": 0.03}  # of the largest output


def rows(count):
    torch.manual_seed(1)
    return torch.randn(count, 40)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("count", [1, 11, 300])
@pytest.mark.parametrize("weights", TOLERANCE)
def test_products_are_the_plain_ones(weights, count, bias):
    if weights in ("fp16", "int8") and not has_fbgemm():
        pytest.skip("this CPU has no FBGEMM")
    torch.manual_seed(0)
    weight, offset = torch.randn(24, 40), torch.randn(24) if bias else None
    x = rows(count)
    expected = F.linear(x, weight, offset)
    given = x.bfloat16() if weights == "bf16" else x
    with torch.inference_mode():
        got = prepared(weight, offset, weights)(given).float()
    assert (got - expected).abs().max() <= TOLERANCE[weights] * expected.abs().max()
    if weights != "fp32":
        assert not torch.equal(got, expected)


@pytest.mark.skipif(not has_fbgemm(), reason="this CPU has no FBGEMM")
def test_a_large_token_does_not_spoil_the_others_of_its_batch():
    torch.manual_seed(0)
    weight, x = torch.randn(24, 40), rows(5)
    expected = F.linear(x, weight)
    x[2] *= 1000
    with torch.inference_mode():
        got = prepared(weight, None, "int8")(x)
    others = [0, 1, 3, 4]
    assert (got - expected)[others].abs().max() <= 0.03 * expected.abs().max()


def test_a_module_keeps_the_shape_in_front():
    linear = nn.Linear(40, 24)
    x = rows(6).view(2, 3, 40)
    with torch.inference_mode():
        got = PreparedLinear(linear, "fp32")(x)
    torch.testing.assert_close(got, linear(x).detach(), rtol=1e-5, atol=1e-5)
