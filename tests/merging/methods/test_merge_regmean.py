"""RegMean: the sheet's example, and that it is the least-squares solution that it says it is."""

from __future__ import annotations

import pytest
import torch

from embedworks.merging.method import Group
from embedworks.merging.methods import regmean
from helpers.merges import peak_bytes

RANDOM = torch.Generator().manual_seed(4)


def merged(weights: list[torch.Tensor], grams: list[torch.Tensor | None], **keys) -> torch.Tensor:
    group = Group.of(weights, statistics=grams.__getitem__)
    return regmean.merge(group, regmean.Parameters(**keys))


def test_the_example_of_the_sheet():
    grams = [torch.diag(torch.tensor([1.0, 4.0])), torch.diag(torch.tensor([4.0, 1.0]))]
    found = merged([torch.eye(2), 3 * torch.eye(2)], grams, alpha=1.0)
    assert torch.allclose(found, torch.diag(torch.tensor([2.6, 1.4])), atol=1e-5)


def test_it_answers_as_each_model_did_on_its_inputs():
    inputs = [torch.randn(30, 6, generator=RANDOM, dtype=torch.float64) for _ in range(2)]
    weights = [torch.randn(4, 6, generator=RANDOM, dtype=torch.float64) for _ in range(2)]
    found = merged(weights, [(x.T @ x).float() for x in inputs], alpha=1.0, ridge=0.0)
    wanted = torch.linalg.lstsq(
        torch.cat(inputs), torch.cat([x @ w.T for x, w in zip(inputs, weights, strict=True)])
    ).solution.T
    assert torch.allclose(found.double(), wanted, atol=1e-5)


def test_alpha_shrinks_what_is_off_the_diagonal():
    gram = torch.tensor([[2.0, 1.0], [1.0, 4.0]])
    found = regmean.shrunk(gram, regmean.Parameters(alpha=0.5, ridge=0.0))
    assert found.tolist() == [[2.0, 0.5], [0.5, 4.0]]


@pytest.mark.parametrize("rank", [1, 5])
def test_copies_of_one_model_stay_it_whatever_it_saw(rank):
    weight = torch.randn(3, 5, generator=RANDOM)
    inputs = torch.randn(rank, 5, generator=RANDOM)
    found = merged([weight, weight.clone()], [inputs.T @ inputs, torch.zeros(5, 5)])
    assert torch.allclose(found, weight, atol=1e-4)


def test_tensors_without_inputs_are_averaged():
    weights = [torch.ones(3), 3 * torch.ones(3)]
    assert merged(weights, [None, None]).tolist() == [2.0, 2.0, 2.0]


def test_a_layer_that_saw_nothing_is_averaged_and_says_so():
    group = Group.of([torch.ones(1, 2), 3 * torch.ones(1, 2)], statistics=lambda _: torch.zeros(2, 2))
    assert regmean.merge(group, regmean.Parameters()).tolist() == [[2.0, 2.0]]
    assert "no inputs were seen" in group.notes[0]


def test_it_holds_what_it_says_of_a_layer_that_narrows_four_times():
    tensors = [torch.randn(32, 128, generator=RANDOM) for _ in range(3)]
    inputs = [torch.randn(200, 128, generator=RANDOM) for _ in tensors]
    group = Group.of(tensors, statistics=lambda index: inputs[index].T @ inputs[index])
    held = peak_bytes(lambda: regmean.merge(group, regmean.Parameters())) / (4 * tensors[0].numel())
    assert regmean.HOLDS.tensors(3) - 4 < held < regmean.HOLDS.tensors(3) + 0.5
