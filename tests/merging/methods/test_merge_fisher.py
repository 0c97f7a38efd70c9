"""Fisher merging: the sheet's example, and what becomes of elements that no loss depends on."""

from __future__ import annotations

import pytest
import torch

from embedworks.errors import InputError
from embedworks.merging.method import Group
from embedworks.merging.methods import fisher
from helpers.merges import peak_bytes

BASE = torch.tensor([10.0, 20.0])


def merged(weights, information, **parameters) -> torch.Tensor:
    tensors = [torch.tensor(weight) for weight in weights]
    measured = [None if one is None else torch.tensor(one) for one in information]
    group = Group.of(tensors, BASE, statistics=measured.__getitem__)
    scales = parameters.pop("weight", (1.0,) * len(weights))
    return fisher.merge(group, fisher.Parameters(weight=scales, **parameters))


def test_the_example_of_the_sheet():
    # d = [2, 2] and [4, 0], F = [1, 3] and [3, 1].
    found = merged([[12.0, 22.0], [14.0, 20.0]], [[1.0, 3.0], [3.0, 1.0]]) - BASE
    assert found.tolist() == pytest.approx([3.5, 1.5])


def test_a_model_that_counts_twice_weighs_as_two():
    twice = merged([[1.0], [4.0]], [[1.0], [1.0]], weight=(2.0, 1.0))
    assert twice.tolist() == pytest.approx([2.0])


def test_what_no_loss_depends_on_becomes_the_mean():
    found = merged([[1.0, 1.0], [3.0, 3.0]], [[0.0, 5.0], [0.0, 0.0]])
    assert found.tolist() == pytest.approx([2.0, 1.0], abs=1e-5)


def test_a_tensor_that_was_not_measured_becomes_the_mean():
    assert merged([[1.0], [5.0]], [None, None]).tolist() == pytest.approx([3.0])


def test_copies_of_one_model_stay_it():
    weight = torch.randn(50, generator=torch.Generator().manual_seed(0)).tolist()
    assert merged([weight] * 3, [[0.1] * 50, [7.0] * 50, [0.0] * 50]).tolist() == pytest.approx(weight)


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(InputError, match="every weight is zero"):
        merged([[1.0], [2.0]], [None, None], weight=(0.0, 0.0))


def test_it_holds_what_it_says_and_is_the_same_in_pieces():
    random = torch.Generator().manual_seed(2)
    tensors = [torch.randn(64, 1024, generator=random) for _ in range(3)]
    measured = [torch.rand(64, 1024, generator=random) for _ in tensors]
    parameters = fisher.Parameters.of(3)
    group = Group.of(tensors, statistics=lambda index: measured[index].clone())
    held = peak_bytes(lambda: fisher.merge(group, parameters)) / (4 * tensors[0].numel())
    assert held == pytest.approx(fisher.HOLDS.tensors(3), abs=0.1)
    halves = [
        fisher.merge(Group.of(part, statistics=about.__getitem__), parameters)
        for part, about in (
            ([t[:32] for t in tensors], [m[:32] for m in measured]),
            ([t[32:] for t in tensors], [m[32:] for m in measured]),
        )
    ]
    assert torch.equal(torch.cat(halves), fisher.merge(group, parameters))
