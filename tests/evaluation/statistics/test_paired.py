from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from embedworks.evaluation.statistics.paired import (
    holm,
    permutation_test,
    rank_biserial,
    sign_test,
    wilcoxon_signed_rank,
)
from embedworks.evaluation.statistics.strata import Stratum


@pytest.mark.parametrize(("count", "p"), [(1, 1.0), (5, 0.0625), (6, 0.03125), (10, 2 / 1024)])
def test_all_positive_differences_reach_the_smallest_p(count, p):
    assert wilcoxon_signed_rank(np.arange(1.0, count + 1)) == pytest.approx(p, abs=1e-12)
    assert wilcoxon_signed_rank([0.01] * count) == pytest.approx(p, abs=1e-12)  # all equal


def test_wilcoxon_by_hand():
    # Ranks 1, 2, 3, signs - + +: W- = 1. Rank sums of at most 1: {} and {1}, so p = 2 * 2 / 8.
    assert wilcoxon_signed_rank([-0.1, 0.2, 0.3]) == pytest.approx(0.5)
    assert wilcoxon_signed_rank([0.0, 0.0]) == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_wilcoxon_is_scipys_exact_test_without_ties(seed):
    differences = np.random.default_rng(seed).normal(0.3, size=17)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert wilcoxon_signed_rank(differences) == pytest.approx(expected, rel=1e-9)


def test_wilcoxon_with_ties_counts_every_sign_out():
    differences = np.array([0.1, 0.1, -0.1, 0.2, 0.3, -0.2, 0.4])
    ranks = stats.rankdata(np.abs(differences))
    signs = np.array(list(itertools.product((0, 1), repeat=7)))
    sums = signs @ ranks
    low = min(ranks[differences > 0].sum(), ranks[differences < 0].sum())
    assert wilcoxon_signed_rank(differences) == pytest.approx(2 * (sums <= low).mean())


def test_many_differences_are_as_good_as_normal():
    differences = np.random.default_rng(0).normal(0.1, size=150)
    exact = stats.wilcoxon(differences, method="exact").pvalue
    assert wilcoxon_signed_rank(differences) == pytest.approx(exact, rel=0.03)


def test_rank_biserial_by_hand():
    assert rank_biserial([-0.1, 0.2, 0.3]) == pytest.approx((5 - 1) / 6)
    assert rank_biserial([1, 2]) == 1.0
    assert rank_biserial([0.0]) == 0.0


def test_sign_test_by_hand():
    # Five wins and no loss: 2 / 2^5; zeros do not count.
    assert sign_test([1, 1, 1, 1, 1, 0, 0]) == pytest.approx(0.0625)
    assert sign_test([0, 0]) == 1.0


def test_a_few_samples_are_permuted_in_every_way():
    # Of the 8 exchanges of differences 1, 2, 3 only two are as far from zero as 6.
    one = Stratum(1.0, np.array([1.0, 2.0, 3.0]), np.zeros(3))
    assert permutation_test([one]) == pytest.approx(2 / 8)
    # With -1: sums of size 4 or more: +-(1+2+3) and +-(-1+2+3).
    two = Stratum(1.0, np.array([-1.0, 2.0, 3.0]), np.zeros(3))
    assert permutation_test([two]) == pytest.approx(4 / 8)
    assert permutation_test([Stratum(1.0, np.ones(3), np.ones(3))]) == 1.0


def test_drawn_permutations_agree_with_every_one():
    rng = np.random.default_rng(2)
    b, gold = rng.normal(size=(2, 12))
    for one in (Stratum(1.0, b + 0.5 * rng.normal(size=12) + 0.3, b), Stratum(1.0, gold, b, gold)):
        exact = permutation_test([one], permutations=2**12)
        assert permutation_test([one], permutations=4000) == pytest.approx(exact, abs=0.025)


def test_no_p_is_zero_and_no_difference_is_significant_by_chance():
    rng = np.random.default_rng(0)
    b = rng.normal(size=300)
    assert permutation_test([Stratum(1.0, b + 5, b)], permutations=200) == pytest.approx(1 / 201)
    ps = [permutation_test([Stratum(1.0, *rng.normal(size=(2, 40)))], permutations=300) for _ in range(200)]
    assert np.mean(np.array(ps) < 0.05) < 0.11
    assert np.mean(ps) == pytest.approx(0.5, abs=0.08)


def test_strata_are_exchanged_together():
    rng = np.random.default_rng(1)
    apart = [Stratum(0.5, rng.normal(0.4, size=4), np.zeros(4)) for _ in range(2)]
    whole = Stratum(1.0, np.concatenate([one.a for one in apart]), np.zeros(8))
    assert permutation_test(apart) == pytest.approx(permutation_test([whole]))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
