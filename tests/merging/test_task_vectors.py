"""Mixing of task vectors, with an election of signs or without."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from embedworks.merging.combine import CHUNK
from embedworks.merging.method import Group
from embedworks.merging.task_vectors import TaskVectorParameters, agreeing_sum, merge_task_vectors


def mixed(deltas, consensus, sparsify=lambda delta, model: None, **parameters):
    base = torch.full_like(torch.tensor(deltas[0]), 10)
    group = Group.of([torch.tensor(delta) + base for delta in deltas], base)
    values = TaskVectorParameters.of(len(deltas), **parameters)
    return (merge_task_vectors(group, values, sparsify, consensus) - base).tolist()


def test_signs_are_elected_by_the_weighted_sum():
    deltas = [[4.0, 1.0], [-2.0, -3.0]]
    assert mixed(deltas, True, weight=1) == [4, -3]
    assert mixed(deltas, True, weight=(1, 3)) == [-6, -9]
    assert mixed(deltas, True, weight=(1, 3), normalize=True) == [-2, -3]
    assert mixed(deltas, False, weight=(1, 3)) == [-2, -8]


def test_a_tie_counts_as_positive_and_zeros_agree_with_nothing():
    assert mixed([[2.0], [-2.0], [0.0]], True, weight=1, normalize=True) == [2]
    assert mixed([[0.0], [0.0]], True, weight=1, normalize=True) == [0]


def test_a_negative_weight_turns_the_vote_and_counts_in_the_divisor():
    assert mixed([[2.0], [4.0]], True, weight=(1, -1), normalize=True) == [4]
    # The shares 1 and -1 agree and cancel out: the sum is not divided.
    assert mixed([[2.0], [-4.0]], True, weight=(1, -1), normalize=True) == [6]


def test_lambda_and_the_sparsifier_have_their_place():
    def halve(delta, model):
        delta.mul_(0.5 if model else 1)

    assert mixed([[2.0], [4.0]], False, halve, weight=1, **{"lambda": 3}) == [12]
    assert mixed([[2.0], [4.0]], True, halve, weight=1, normalize=True, **{"lambda": 3}) == [6]


def test_without_a_model_there_is_the_base():
    base = torch.ones(2)
    result = merge_task_vectors(
        Group.of([], base), TaskVectorParameters.of(0, weight=()), lambda *_: None, True
    )
    assert result.tolist() == [1, 1]
    assert result.data_ptr() != base.data_ptr()


def test_shares_are_of_what_agrees_and_have_a_floor():
    deltas = [torch.tensor([1.0, 1.0]), torch.tensor([3.0, -9.0])]
    assert agreeing_sum(deltas, [0.25, 0.75], [0.25, 0.75]).tolist() == [2.5, -9]
    deltas = [torch.tensor([1.0, 1.0]), torch.tensor([3.0, 1.0])]
    assert agreeing_sum(deltas, [0.25, 0.25], [0.25, 0.25], least=2).tolist() == [0.5, 0.25]


def test_pieces_are_as_one():
    generator = torch.Generator().manual_seed(0)
    deltas = [torch.randn(CHUNK + 100, generator=generator) for _ in range(3)]
    total = torch.stack(deltas).sum(0)
    agrees = torch.stack([delta.sign() == total.sign() for delta in deltas])
    expected = (torch.stack(deltas) * agrees).sum(0) / agrees.sum(0)
    assert_close(agreeing_sum(deltas, [1.0] * 3, [1.0] * 3), expected)
