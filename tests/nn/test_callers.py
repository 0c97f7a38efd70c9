"""A token calls from the first two places alone, with or without one that begins every text."""

from __future__ import annotations

import torch

from embedworks.nn.callers import begins_with


def test_it_is_the_first_token_or_the_one_behind_it():
    ids = torch.tensor([[7, 1, 1], [1, 7, 1], [1, 1, 7], [1, 1, 1]])
    assert begins_with(ids, 7).tolist() == [True, True, False, False]


def test_a_text_of_one_token_may_be_the_call():
    assert begins_with(torch.tensor([[7], [1]]), 7).tolist() == [True, False]
