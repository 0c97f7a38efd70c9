"""Products by numpy's BLAS are the plain ones, and are taken where they are faster alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from embedworks.inference.engine import Engine
from embedworks.nn import blas, direct, fast_linear
from embedworks.nn.blas import ROWS, BlasProduct, suits_blas
from helpers.tiny import tiny_model


def few(weight_OI, bias_O):
    """What stands in for oneDNN: another number, so that it can be told apart."""
    return lambda x: F.linear(x, weight_OI, bias_O) + 100


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(ROWS,), (300,), (10, 7)])
def test_products_are_the_plain_ones(shape, bias):
    torch.manual_seed(0)
    weight, offset, x = torch.randn(24, 40), torch.randn(24) if bias else None, torch.randn(*shape, 40)
    with torch.inference_mode():
        got = BlasProduct(weight, offset, few)(x)
    torch.testing.assert_close(got, F.linear(x, weight, offset), rtol=1e-5, atol=1e-5)


def test_rows_that_do_not_lie_one_behind_the_other_are_multiplied_too():
    weight, x = torch.randn(24, 40), torch.randn(40, 100).t()
    with torch.inference_mode():
        got = BlasProduct(weight, None, few)(x)
    torch.testing.assert_close(got, F.linear(x, weight), rtol=1e-5, atol=1e-5)


def test_few_rows_go_the_other_way():
    weight, offset, x = torch.randn(24, 40), torch.randn(24), torch.randn(ROWS - 1, 40)
    product = BlasProduct(weight, offset, few)
    with torch.inference_mode():
        for _ in range(2):
            torch.testing.assert_close(product(x), F.linear(x, weight, offset) + 100)


@pytest.mark.parametrize(
    ("amd", "torch_threads", "blas_threads", "wanted"),
    [
        (True, 1, 1, True),
        (True, 2, 2, False),
        (True, 1, 2, False),
        (True, 1, 0, False),  # numpy has another BLAS
        (False, 1, 1, False),
    ],
)
def test_it_is_taken_on_one_thread_of_an_amd(monkeypatch, amd, torch_threads, blas_threads, wanted):
    monkeypatch.setattr(blas, "is_plain_amd", lambda: amd)
    monkeypatch.setattr(torch, "get_num_threads", lambda: torch_threads)
    pool = {"internal_api": "openblas", "num_threads": blas_threads}
    monkeypatch.setattr(blas, "threadpool_info", lambda: [pool] if blas_threads else [])
    assert suits_blas() is wanted


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({"cpu_name": "AMD EPYC", "avx2": True, "avx512_f": False}, True),
        ({"cpu_name": "AMD EPYC 9654", "avx2": True, "avx512_f": True}, False),
        ({"cpu_name": "Intel(R) Xeon(R)", "avx2": True, "avx512_f": False}, False),
        ({}, False),
    ],
)
def test_an_amd_without_avx512_is_known_by_its_capabilities(monkeypatch, facts, wanted):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: facts)
    assert blas.is_plain_amd.__wrapped__() is wanted


def test_an_engine_gives_the_same_vectors_either_way(monkeypatch):
    model, texts = tiny_model(), ["the cat and the bird sing in the river " * 9] * 9 + ["stone"]
    found, counts = {}, []
    plain = BlasProduct.__call__
    monkeypatch.setattr(BlasProduct, "__call__", lambda self, x: counts.append(len(x)) or plain(self, x))
    for taken in (False, True):
        monkeypatch.setattr(fast_linear, "suits_blas", lambda taken=taken: taken)
        found[taken] = torch.from_numpy(Engine(model, "fp32", backend="packed").encode(texts))
        assert bool(counts) is taken
    torch.testing.assert_close(found[True], found[False], rtol=0, atol=1e-6)


def test_an_activation_that_is_not_gelu_stays_as_it_is():
    assert direct.in_place(nn.ReLU()) is not torch.ops.aten.gelu_
    tanh, x = nn.GELU(approximate="tanh"), torch.randn(5)
    assert torch.equal(direct.in_place(tanh)(x.clone()), tanh(x))
