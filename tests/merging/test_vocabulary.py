"""Embedding matrices of different vocabularies in one order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from embedworks.errors import InputError
from embedworks.merging.recipe import TokenRule
from embedworks.merging.vocabulary import (
    MISSING,
    Cut,
    Remapped,
    map_vocabularies,
    rule_donors,
    runs,
)


class InMemory:
    """A source that is read already."""

    def __init__(self, tensor):
        self.tensor, self.shape, self.dtype = tensor, tuple(tensor.shape), tensor.dtype

    def read(self, start=0, stop=None):
        return self.tensor.flatten()[start:stop].clone()


A = InMemory(torch.tensor([[1.0, 1], [2, 2], [3, 3]]))
B = InMemory(torch.tensor([[10.0, 10], [20, 20], [30, 30]]))
VOCABULARY_A = {"a": 0, "b": 1, "c": 2}
VOCABULARY_B = {"b": 0, "d": 1, "c": 2}


def matrix(source):
    return source.read().view(source.shape)


def remapped(target, base=None, rules=None, multiple=1, models=((A, VOCABULARY_A), (B, VOCABULARY_B))):
    found = map_vocabularies(target, [vocabulary for _, vocabulary in models], base, rules, multiple)
    sources = tuple(source for source, _ in models)
    return [Remapped(sources, index, found) for index in range(len(sources))]


def test_shared_tokens_keep_their_rows_and_lonely_ones_are_lent():
    first, second = remapped({"a": 0, "b": 1, "c": 2, "d": 3})
    assert matrix(first)[:, 0].tolist() == [1, 2, 3, 20]
    assert matrix(second)[:, 0].tolist() == [1, 10, 30, 20]


@pytest.mark.parametrize(("base", "expected"), [(None, 6.5), (1, 10.0), (2, 6.5)])
def test_a_token_of_several_models_comes_from_the_base_or_is_their_mean(base, expected):
    third = (InMemory(torch.zeros(1, 2)), {"e": 0})
    models = ((A, VOCABULARY_A), (B, VOCABULARY_B), third)
    found = remapped({"c": 0, "b": 1}, base=base, models=models)[2]
    wanted = {6.5: (3 + 30) / 2, 10.0: 30}[expected]
    assert matrix(found)[0].tolist() == [wanted, wanted]


def test_rows_that_fill_up_are_the_mean_of_all_tokens():
    first, _ = remapped({"a": 0, "b": 1, "c": 2}, multiple=4)
    assert first.shape == (4, 2)
    assert matrix(first)[3].tolist() == [2, 2]


def test_rules_decide_where_a_token_comes_from():
    rules = {
        "a": TokenRule(source={"kind": "zero"}, force=True),
        "b": TokenRule(source="two"),
        "new": TokenRule(source={"kind": "model_token", "model": "two", "token": "d"}),
        "by-id": TokenRule(source={"kind": "model_token", "model": "one", "token_id": 2}),
    }
    donors = rule_donors(rules, ["one", "two"], [VOCABULARY_A, VOCABULARY_B])
    first, second = remapped({"a": 0, "b": 1, "new": 2, "by-id": 3}, rules=donors)
    assert matrix(first)[:, 0].tolist() == [0, 2, 20, 3], "b is its own: the rule does not force"
    assert matrix(second)[:, 0].tolist() == [0, 10, 20, 3]


@pytest.mark.parametrize(
    ("source", "message"),
    [("three", "three"), ({"kind": "model_token", "model": "one", "token": "d"}, "no token")],
)
def test_rules_that_cannot_be_followed_are_named(source, message):
    with pytest.raises(InputError, match=message):
        rule_donors({"x": TokenRule(source=source)}, ["one"], [VOCABULARY_A])


@given(st.integers(0, 8), st.integers(0, 8))
def test_any_range_of_elements_is_that_of_the_whole(one, other):
    start, stop = sorted((one, other))
    found = remapped({"a": 0, "b": 1, "c": 2, "d": 3})[1]
    assert torch.equal(found.read(start, stop), found.read()[start:stop])


def test_a_matrix_that_is_filled_up_is_cut():
    cut = Cut(A, 2)
    assert cut.shape == (2, 2)
    assert cut.read().tolist() == [1, 1, 2, 2]


@given(st.lists(st.integers(MISSING, 5), max_size=12))
def test_runs_cover_all_known_rows_once(rows):
    array = np.array(rows, dtype=np.int64)
    found = {place + i: row + i for place, row, count in runs(array) for i in range(count)}
    assert found == {place: row for place, row in enumerate(rows) if row != MISSING}
