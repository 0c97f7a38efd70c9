"""Dropping by magnitude at random, summed."""

from __future__ import annotations

import torch

from helpers.merges import merged


def test_great_elements_are_kept_more_often_and_none_is_outvoted():
    small, great = torch.full((2000, 1), 1.0), torch.full((2000, 1), 3.0)
    delta = torch.cat([small, great], 1)
    settings = {"weight": 1, "density": 0.5, "epsilon": 0.3, "rescale": "none"}
    result = merged("della_linear", [delta], torch.zeros(2000, 2), **settings)
    kept = (result != 0).float().mean(0)
    assert 0.16 < float(kept[0]) < 0.24
    assert 0.76 < float(kept[1]) < 0.84
    both = merged("della_linear", [delta, -2 * delta], torch.zeros(2000, 2), **settings)
    assert {-1.0, -3.0} <= set(both.unique().tolist())


def test_the_papers_rescaling_leaves_the_mean_of_each_element():
    delta = torch.tensor([1.0, 3.0]).expand(20_000, 2)
    settings = {"weight": 1, "density": 0.5, "epsilon": 0.3, "rescale": "inverse_keep"}
    mean = merged("della_linear", [delta], torch.zeros(20_000, 2), **settings).mean(0)
    torch.testing.assert_close(mean, torch.tensor([1.0, 3.0]), rtol=0.05, atol=0)
