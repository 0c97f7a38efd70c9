from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr, zscore

from embedworks.evaluation.samples import mean_samples, rank_samples
from embedworks.evaluation.statistics.strata import Stratum, chunks, counted_ranks, strata_of


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def ranked(count=25) -> Stratum:
    a, b = rng().normal(size=(2, count)).round(1)  # rounded, so that values are equal
    return Stratum(1.0, a, b, rng().integers(0, 4, count).astype(float))


def test_counted_ranks_are_those_of_the_written_out_resample():
    values = rng().integers(0, 6, 20).astype(float)
    drawn = rng().integers(0, 20, (5, 20))
    counts = np.stack([np.bincount(row, minlength=20) for row in drawn])
    ranks = counted_ranks(values, counts.astype(float))
    for row, found in zip(drawn, ranks, strict=True):
        np.testing.assert_allclose(found[row], zscore(rankdata(values[row])), atol=1e-12)
    assert not counted_ranks(np.ones(3), np.ones((1, 3))).any()


def test_a_resampled_difference_is_that_of_the_written_out_resample():
    one = ranked()
    drawn = rng().integers(0, 25, (6, 25))
    counts = np.stack([np.bincount(row, minlength=25) for row in drawn])
    expected = [
        spearmanr(one.a[row], one.gold[row])[0] - spearmanr(one.b[row], one.gold[row])[0] for row in drawn
    ]
    np.testing.assert_allclose(one.resampled(counts), expected, atol=1e-12)


def test_swapping_nothing_gives_the_difference_and_swapping_all_its_opposite():
    for one in (ranked(), Stratum(1.0, *rng().normal(size=(2, 9)))):
        keep = np.array([[True] * len(one.a), [False] * len(one.a)])
        difference = one.difference()
        np.testing.assert_allclose(one.swapped(keep), [difference, -difference], atol=1e-12)


def test_swapped_ranks_are_those_of_the_other_model():
    one = ranked()
    keep = rng().integers(0, 2, 25).astype(bool)
    a, b, gold = (zscore(rankdata(x)) for x in (one.a, one.b, one.gold))
    mixed, rest = np.where(keep, a, b), np.where(keep, b, a)
    expected = np.corrcoef(mixed, gold)[0, 1] - np.corrcoef(rest, gold)[0, 1]
    assert one.swapped(keep[None])[0] == pytest.approx(expected, abs=1e-12)


def test_influence_of_a_mean_is_each_samples_distance_from_it():
    one = Stratum(1.0, np.array([1.0, 2.0, 6.0]), np.zeros(3))
    np.testing.assert_allclose(one.influence(), [-2.0, -1.0, 3.0])


def test_influence_of_a_correlation_is_the_jackknifes():
    one = ranked(12)
    left = []
    for place in range(12):
        kept = np.arange(12) != place
        a, b, gold = one.a[kept], one.b[kept], one.gold[kept]
        left.append(spearmanr(a, gold)[0] - spearmanr(b, gold)[0])
    np.testing.assert_allclose(one.influence(), 11 * (np.mean(left) - np.array(left)), atol=1e-12)


def test_effects_by_hand():
    # Differences 1, 2, 3: mean 2, standard deviation 1.
    assert Stratum(1.0, np.array([1.0, 2.0, 3.0]), np.zeros(3)).effect() == pytest.approx(2.0)
    # Correlations .8 and .5: atanh(.8) - atanh(.5) = 1.0986 - 0.5493.
    gold, a, b = np.arange(4.0), np.array([0.0, 2, 1, 3]), np.array([1.0, 0, 3, 2])
    assert spearmanr(a, gold)[0] == pytest.approx(0.8)
    found = Stratum(1.0, a, b, gold).effect()
    assert found == pytest.approx(np.arctanh(0.8) - np.arctanh(spearmanr(b, gold)[0]))
    assert Stratum(1.0, np.ones(3), np.zeros(3)).effect() is None
    assert Stratum(1.0, np.ones(3), np.ones(3)).effect() == 0.0


def test_tasks_weigh_alike_and_so_do_their_parts():
    one = mean_samples({"x": {"0": 1.0}, "y": {"0": 1.0, "1": 0.0}})
    two = rank_samples({"x": ([0.1, 0.2, 0.3], [1.0, 2.0, 3.0])})
    strata = strata_of([(one, one), (two, two)])
    assert [stratum.weight for stratum in strata] == [0.25, 0.25, 0.5]
    assert [stratum.gold is None for stratum in strata] == [True, True, False]


def test_chunks_cover_all_rows_once():
    slices = list(chunks(10, 3, cells=7))
    assert [row for one in slices for row in range(one.start, one.stop)] == list(range(10))
    assert all((one.stop - one.start) * 3 <= 7 for one in slices)
