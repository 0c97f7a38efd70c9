"""Tests of paired differences, and Holm's correction of several of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embedworks.evaluation.samples import Numbers
from embedworks.evaluation.statistics.strata import Stratum, chunks

PERMUTATIONS = 10_000
MOST_EXACT = 100  # differences whose rank sums are counted out; beyond, they are as good as normal
TOLERANCE = 1e-12  # below it two differences are equal but for rounding


def wilcoxon_signed_rank(differences: Sequence[float] | Numbers) -> float:
    """Two-sided p of Wilcoxon's signed-rank test (Wilcoxon 1945), exact up to 100 differences.

    Zeros are left out; equal sizes share their mean rank, and the distribution is that of these very
    ranks. It is counted out, where scipy's exact test takes neither zeros nor equal sizes.

    Example:
        >>> wilcoxon_signed_rank([1, 2, 3, 4, 5, 6])
        0.03125
    """
    from scipy.stats import rankdata, wilcoxon

    sizes = np.asarray(differences, float)
    sizes = sizes[np.abs(sizes) > TOLERANCE]
    if not len(sizes):
        return 1.0
    if len(sizes) > MOST_EXACT:
        return float(wilcoxon(sizes, method="asymptotic").pvalue)
    doubled = np.rint(2 * rankdata(np.abs(sizes).round(12))).astype(int)  # whole numbers, ties or not
    ways = np.ones(1)
    for rank in doubled:
        ways = np.pad(ways, (0, rank)) + np.pad(ways, (rank, 0))
    positive = int(doubled[sizes > 0].sum())
    tail = min(positive, int(doubled.sum()) - positive)
    return min(1.0, 2 * float(ways[: tail + 1].sum() / ways.sum()))


def rank_biserial(differences: Sequence[float] | Numbers) -> float:
    """Matched-pairs rank-biserial correlation, the effect size of the signed-rank test (Kerby 2014, eq. 4).

    1: every difference is above zero; -1: every one below.
    """
    from scipy.stats import rankdata

    sizes = np.asarray(differences, float)
    sizes = sizes[np.abs(sizes) > TOLERANCE]
    if not len(sizes):
        return 0.0
    ranks = rankdata(np.abs(sizes).round(12))
    return float((ranks * np.sign(sizes)).sum() / ranks.sum())


def sign_test(differences: Sequence[float] | Numbers) -> float:
    """Two-sided p of the exact sign test; of hits and misses it is McNemar's exact test."""
    from scipy.stats import binomtest

    signs = np.sign(np.asarray(differences, float))
    wins, losses = int((signs > 0).sum()), int((signs < 0).sum())
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def permutation_test(
    strata: Sequence[Stratum], *, permutations: int = PERMUTATIONS, seed: int = 0
) -> float:
    """Two-sided p of the paired permutation test: if the models were alike, they could change places.

    All 2^N exchanges are tried where there are no more than ``permutations``; else so many are drawn, and
    the one that was observed counts among them (Phipson & Smyth 2010), so that p is never 0.
    """
    count = sum(len(one.a) for one in strata)
    observed = abs(sum(one.weight * one.difference() for one in strata))
    is_exact = count <= np.log2(permutations)
    total = 2**count if is_exact else permutations
    generator, extreme = np.random.default_rng(seed), 0
    for rows in chunks(total, count):
        if is_exact:
            bits = np.arange(rows.start, rows.stop)[:, None] >> np.arange(count)
            keep_RN = (bits & 1).astype(bool)
        else:
            keep_RN = generator.integers(0, 2, (rows.stop - rows.start, count), dtype=np.int8).astype(bool)
        extreme += int((np.abs(_exchanged(strata, keep_RN)) >= observed - TOLERANCE).sum())
    return extreme / total if is_exact else (extreme + 1) / (total + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p of each test, in the given order (Holm 1979): below alpha, it stands among them all.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for done, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - done) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def _exchanged(strata: Sequence[Stratum], keep_RN: NDArray[np.bool_]) -> Numbers:
    ends = np.cumsum([len(one.a) for one in strata])
    parts = np.split(keep_RN, ends[:-1], axis=1)
    differences = [one.weight * one.swapped(part) for one, part in zip(strata, parts, strict=True)]
    return np.asarray(np.sum(differences, axis=0))
