"""Dropping by magnitude at random, with an election of signs and a mean."""

from __future__ import annotations

import pytest
import torch

from embedworks.errors import InputError
from helpers.merges import merged


def test_the_mean_of_what_agrees():
    first, second = torch.full((40, 25), 2.0), torch.full((40, 25), 4.0)
    base = torch.zeros(40, 25)
    settings = {"weight": (1, 3), "density": 0.5, "rescale": "none"}
    result = merged("della", [first, second], base, **settings)
    assert set(result.unique().tolist()) == {0.0, 2.0, 3.5, 4.0}
    total = merged("della", [first, second], base, normalize=False, **settings)
    assert set(total.unique().tolist()) == {0.0, 2.0, 12.0, 14.0}


def test_probabilities_outside_of_0_to_1_are_refused():
    with pytest.raises(InputError, match=r"density 0\.9 with epsilon 0\.15"):
        merged("della", [torch.ones(4)], torch.zeros(4), weight=1, density=0.9)
