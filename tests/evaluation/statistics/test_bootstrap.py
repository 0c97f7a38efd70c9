from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from embedworks.evaluation.statistics.bootstrap import (
    bca_levels,
    bootstrap_interval,
    draw_counts,
    resampled_differences,
)
from embedworks.evaluation.statistics.strata import Stratum


def skewed(count=30) -> Stratum:
    rng = np.random.default_rng(3)
    b = rng.normal(size=count)
    return Stratum(1.0, b + rng.exponential(size=count) ** 2 - 0.5, b)


def test_a_resample_draws_as_many_as_there_are():
    counts = draw_counts(50, 7, np.random.default_rng(0))
    assert counts.shape == (50, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.5)


def test_bca_is_scipys_on_the_same_resamples():
    one = skewed()
    differences = one.a - one.b
    theirs = stats.bootstrap((differences,), np.mean, n_resamples=2000, method="BCa", rng=0)
    levels = bca_levels(
        theirs.bootstrap_distribution, differences.mean(), one.influence(), np.array([0.025, 0.975])
    )
    found = np.quantile(theirs.bootstrap_distribution, levels)
    np.testing.assert_allclose(found, theirs.confidence_interval, rtol=1e-6)


def test_the_interval_is_about_scipys_own_for_means_and_correlations():
    one = skewed()
    theirs = stats.bootstrap((one.a - one.b,), np.mean, n_resamples=5000, method="BCa", rng=1)
    found = bootstrap_interval([one], resamples=5000)
    np.testing.assert_allclose(found, theirs.confidence_interval, rtol=0.06)
    rng = np.random.default_rng(5)
    gold = rng.normal(size=40)
    pairs = Stratum(1.0, gold + rng.normal(size=40), gold + 2 * rng.normal(size=40), gold)

    def difference(a, b, gold):
        return stats.spearmanr(a, gold)[0] - stats.spearmanr(b, gold)[0]

    data = (pairs.a, pairs.b, pairs.gold)
    theirs = stats.bootstrap(
        data, difference, n_resamples=400, paired=True, vectorized=False, method="percentile", rng=1
    )
    found = bootstrap_interval([pairs], resamples=5000, method="percentile")
    np.testing.assert_allclose(found, theirs.confidence_interval, atol=0.06)


def test_percentiles_of_every_possible_resample_by_hand():
    # Differences 0 and 3: a resample's mean is 0, 1.5 or 3 with chances 1/4, 1/2, 1/4.
    one = Stratum(1.0, np.array([0.0, 3.0]), np.zeros(2))
    found = resampled_differences([one], 4000, np.random.default_rng(0))
    values, counts = np.unique(found, return_counts=True)
    assert values.tolist() == [0.0, 1.5, 3.0]
    assert counts / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)
    assert bootstrap_interval([one], level=0.4, resamples=4000, method="percentile") == (1.5, 1.5)


def test_strata_are_resampled_apart():
    # What differs between two parts is no noise: within each, the difference never varies.
    parts = [Stratum(0.5, np.ones(5), np.zeros(5)), Stratum(0.5, np.zeros(5), np.ones(5))]
    assert bootstrap_interval(parts, resamples=100) == (0.0, 0.0)


def test_the_seed_alone_decides_the_draws():
    one = skewed()
    first, again = (bootstrap_interval([one], resamples=500, seed=4) for _ in range(2))
    assert first == again != bootstrap_interval([one], resamples=500, seed=5)
