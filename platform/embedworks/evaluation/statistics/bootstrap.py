"""Bootstrap intervals of a paired difference: percentile and BCa (Efron & Tibshirani 1993, chapter 14)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from embedworks.evaluation.samples import Numbers
from embedworks.evaluation.statistics.strata import Counts, Stratum, chunks

Method = Literal["bca", "percentile"]
RESAMPLES = 10_000


def bootstrap_interval(
    strata: Sequence[Stratum],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    method: Method = "bca",
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of the weighted difference of two models; each stratum is resampled by itself.

    A resample draws samples, not the two models' values apart: what they share cancels.

    Args:
        strata: The paired samples.
        level: Share of such intervals that hold the true difference.
        resamples: How many.
        method: BCa mends bias and skew of the percentile interval; without spread they are the same.
        seed: Of the draws.
    """
    differences_R = resampled_differences(strata, resamples, np.random.default_rng(seed))
    low_and_high = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        observed = sum(one.weight * one.difference() for one in strata)
        influence = np.concatenate([one.weight * one.influence() / len(one.a) for one in strata])
        low_and_high = bca_levels(differences_R, observed, influence, low_and_high)
    low, high = np.quantile(differences_R, low_and_high)
    return float(low), float(high)


def resampled_differences(
    strata: Sequence[Stratum], resamples: int, generator: np.random.Generator
) -> Numbers:
    """``(R,)`` weighted differences of resamples drawn with replacement."""
    total_R = np.zeros(resamples)
    for one in strata:
        for rows in chunks(resamples, len(one.a)):
            counts = draw_counts(rows.stop - rows.start, len(one.a), generator)
            total_R[rows] += one.weight * one.resampled(counts)
    return total_R


def draw_counts(resamples: int, count: int, generator: np.random.Generator) -> Counts:
    """``(R, N)``, how often each of N samples is in each resample of N draws."""
    drawn_RN = generator.integers(0, count, (resamples, count))
    drawn_RN += np.arange(resamples)[:, None] * count
    counts = np.bincount(drawn_RN.ravel(), minlength=resamples * count)
    return counts.reshape(resamples, count)


def bca_levels(resampled_R: Numbers, observed: float, influence_N: Numbers, levels: Numbers) -> Numbers:
    """The quantiles to take in place of ``levels`` (Efron 1987, eq. 2.3 and 6.6).

    Args:
        resampled_R: Resampled differences.
        observed: The difference itself.
        influence_N: Of each sample on it, up to one common factor.
        levels: Of the percentile interval.
    """
    from scipy.special import ndtr, ndtri

    below = float(np.mean(resampled_R < observed) + np.mean(resampled_R == observed) / 2)
    if not 0 < below < 1:
        return levels
    bias = ndtri(below)
    square = float((influence_N**2).sum())
    acceleration = float((influence_N**3).sum()) / (6 * square**1.5) if square else 0.0
    shifted = bias + ndtri(levels)
    return np.asarray(ndtr(bias + shifted / (1 - acceleration * shifted)))
