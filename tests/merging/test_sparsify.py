"""What each sparsifier keeps, and how what is left is scaled."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from embedworks.merging.combine import CHUNK
from embedworks.merging.sparsify import (
    keep_probabilities,
    largest,
    magnitude,
    magprune,
    outliers,
    random,
    random_words,
)


def sparse(function, values, *args):
    delta = torch.as_tensor(values, dtype=torch.float32).clone()
    function(delta, *args)
    return delta


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_elements_of_greatest_magnitude_are_kept():
    assert sparse(magnitude, [0.5, -3, 2, -1], 0.5, "none", []).tolist() == [0, -3, 2, 0]
    assert sparse(magnitude, [[0.5, -3], [2, -1]], 0.75, "none", []).tolist() == [[0, -3], [2, -1]]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_of_equal_magnitudes_those_in_front_are_kept_and_zeros_never(count):
    mask = largest(torch.tensor([1.0, -2, 2, 0, 2]), count)
    assert mask.nonzero().flatten().tolist() == sorted([1, 2, 4, 0][:count])


@pytest.mark.parametrize("seed", range(5))
def test_exactly_as_many_are_found_as_a_sort_finds(seed):
    values = torch.randn(1000, generator=generator(seed)).mul_(4).round_()  # many are equal
    order = sorted(range(1000), key=lambda i: (-abs(float(values[i])), i))
    mask = largest(values, 137)
    assert mask.nonzero().flatten().tolist() == sorted(order[:137])


def test_magnitudes_of_every_size_are_in_order():
    values = torch.tensor([1e-42, -1e38, float("inf"), 1e-30, -1.0])
    assert largest(values, 3).tolist() == [False, True, True, False, True]


def test_neither_outliers_nor_the_small_are_kept():
    assert sparse(outliers, range(1, 11), 0.6, 0.1, "none").tolist() == [0, 0, 0, 4, 5, 6, 7, 8, 9, 0]
    assert int(sparse(outliers, torch.arange(1, 65), 0.9, 0.01, "none").count_nonzero()) == 57
    assert sparse(outliers, [1, 2, 3, 4], 0.75, 0.9, "none").tolist() == [1, 2, 3, 0]
    assert sparse(outliers, [1, 2, 3, 4], 0.1, 0, "inverse_keep").tolist() == [0, 0, 0, 0]


def test_each_element_has_the_same_chance():
    kept = torch.stack([sparse(random, torch.ones(50), 0.3, "none", generator(s)) for s in range(2000)])
    assert_close(kept.mean(0), torch.full((50,), 0.3), rtol=0, atol=0.05)
    assert abs(float(kept.mean()) - 0.3) < 0.006  # four standard deviations


def test_the_chance_grows_with_the_rank_in_the_row():
    assert_close(
        keep_probabilities(4, 0.5, 0.1),
        torch.tensor([0.4, 0.4667, 0.5333, 0.6]).double(),
        rtol=0,
        atol=1e-4,
    )
    rows = torch.tensor([[0.1, -0.4, 0.2, 0.3], [8, 1, 2, 4]]).repeat(10_000, 1)
    kept = (sparse(magprune, rows, 0.5, 0.1, "none", generator()) != 0).float()
    assert_close(kept[::2].mean(0), torch.tensor([0.4, 0.6, 0.4667, 0.5333]), rtol=0, atol=0.02)
    assert_close(kept[1::2].mean(0), torch.tensor([0.6, 0.4, 0.4667, 0.5333]), rtol=0, atol=0.02)


def test_vectors_are_one_row_and_more_axes_have_rows_along_the_second():
    row = torch.tensor([3.0, 1, 2])
    in_rows = sparse(magprune, row[None], 0.5, 0.3, "inverse_keep", generator())
    assert torch.equal(sparse(magprune, row, 0.5, 0.3, "inverse_keep", generator()), in_rows[0])
    cube = torch.tensor([1.0, 2.0]).view(1, 2, 1).expand(5000, 2, 3).contiguous()
    kept = (sparse(magprune, cube, 0.5, 0.3, "none", generator()) != 0).float().mean((0, 2))
    assert_close(kept, torch.tensor([0.2, 0.8]), rtol=0, atol=0.02)


def test_an_element_that_is_alone_in_its_row_has_the_density_as_its_chance():
    kept = sparse(magprune, torch.ones(20_000, 1), 0.7, 0.2, "none", generator())
    assert abs(float(kept.mean()) - 0.7) < 0.015


def test_what_is_left_makes_up_for_what_was_dropped():
    assert_close(sparse(magnitude, [4, -2, 1, 1], 0.5, "l1", []), torch.tensor([16 / 3, -8 / 3, 0, 0]))
    assert sparse(magnitude, [4, -2, 1, 1], 0.5, "inverse_keep", []).tolist() == [8, -4, 0, 0]
    # Two of the others are kept: 8 / 3 of magnitudes for 3.
    assert_close(sparse(outliers, [4, -2, 1, 0.5], 0.5, 0.25, "l1"), torch.tensor([0, -5.0, 2.5, 0]))


@pytest.mark.parametrize(("rescale", "expected"), [("l1", 6.4), ("inverse_keep", 8), ("none", 4)])
def test_random_masks_are_made_up_for_too(rescale, expected):
    draws = [sparse(random, [4, -2, 1, 1], 0.5, rescale, generator(seed)) for seed in range(64)]
    found = [draw for draw in draws if (draw != 0).tolist() == [True, False, True, False]]
    assert found
    assert_close(found[0], torch.tensor([expected, 0, expected / 4, 0]))


@pytest.mark.parametrize("density", [0, 1])
def test_all_is_kept_as_it_is_or_nothing(density):
    delta = torch.tensor([[1.0, -2], [3, 4]])
    for result in (
        sparse(magnitude, delta, density, "l1", []),
        sparse(outliers, delta, density, 0.5, "inverse_keep"),
        sparse(random, delta, density, "inverse_keep", generator()),
        sparse(magprune, delta, density, 0.15, "l1", generator()),
    ):
        assert torch.equal(result, delta * density)


def test_zeros_are_not_scaled_to_something_else():
    assert sparse(magnitude, [0, 0, 0], 0.5, "l1", []).tolist() == [0, 0, 0]
    assert sparse(random, torch.zeros(9), 0.5, "l1", generator()).eq(0).all()


def test_draws_do_not_depend_on_what_follows():
    words = random_words(7, generator())
    assert torch.equal(words, random_words(9, generator())[:7])
    short = sparse(random, torch.ones(CHUNK), 0.5, "none", generator())
    long = sparse(random, torch.ones(CHUNK + 9), 0.5, "none", generator())
    assert torch.equal(short, long[:CHUNK])
    assert long[CHUNK:].unique().numel() == 2
