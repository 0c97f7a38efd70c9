"""The door of statistics: is one model better than another, by how much, and is it more than chance?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedworks.errors import InputError
from embedworks.evaluation.samples import Samples
from embedworks.evaluation.statistics.bootstrap import RESAMPLES, Method, bootstrap_interval
from embedworks.evaluation.statistics.paired import (
    PERMUTATIONS,
    permutation_test,
    rank_biserial,
    wilcoxon_signed_rank,
)
from embedworks.evaluation.statistics.strata import Stratum, strata_of


@dataclass(frozen=True)
class Comparison:
    """One model against another.

    Attributes:
        difference: The first model's score less the second's.
        low: Lower end of the bootstrap interval.
        high: Upper end.
        p: Two-sided.
        n: Paired samples, or tasks.
        effect: Cohen's d of the paired samples, Cohen's q of two correlations, or the rank-biserial
            correlation over tasks; None where it has no bound, as with a difference that never varies.
    """

    difference: float
    low: float
    high: float
    p: float
    n: int
    effect: float | None


def compare(
    a: Samples,
    b: Samples,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    method: Method = "bca",
    seed: int = 0,
) -> Comparison:
    """Compare two models on one task, by a paired bootstrap and a paired permutation test.

    Args:
        a: The model that may be better.
        b: What it is compared with.
        level: Of the interval.
        resamples: Of the bootstrap.
        permutations: Of the test.
        method: Of the interval.
        seed: Of both draws.

    Raises:
        InputError: if the models do not have the same samples.
    """
    return compare_mean(
        [(a, b)], level=level, resamples=resamples, permutations=permutations, method=method, seed=seed
    )


def compare_mean(
    pairs: Sequence[tuple[Samples, Samples]],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    method: Method = "bca",
    seed: int = 0,
) -> Comparison:
    """Compare two models by the mean score of several tasks, which weigh alike.

    The tasks are taken as given and their samples as drawn: it says whether the mean of these tasks
    differs, even of a single one. For tasks drawn from many see :func:`compare_scores`.

    Args:
        pairs: Both models' samples, task by task.
        level: Of the interval.
        resamples: Of the bootstrap.
        permutations: Of the test.
        method: Of the interval.
        seed: Of both draws.

    Raises:
        InputError: if there is no task, or the models do not have the same samples.
    """
    if not pairs:
        raise InputError("there is no task to compare two models on", expected="one or more")
    strata = strata_of(pairs)
    low, high = bootstrap_interval(strata, level=level, resamples=resamples, method=method, seed=seed)
    return Comparison(
        difference=sum(one.weight * one.difference() for one in strata),
        low=low,
        high=high,
        p=permutation_test(strata, permutations=permutations, seed=seed),
        n=sum(len(one.a) for one in strata),
        effect=_mean_effect(strata),
    )


def compare_scores(
    a: Sequence[float],
    b: Sequence[float],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    method: Method = "bca",
    seed: int = 0,
) -> Comparison:
    """Compare two models over tasks by their scores: the exact two-sided Wilcoxon signed-rank test.

    With n tasks p is at least 2 / 2^n: below six, nothing is significant at .05. Average seeds before:
    they are no tasks of their own.

    Args:
        a: Scores of the model that may be better.
        b: Scores of the other, task by task.
        level: Of the interval, which resamples tasks.
        resamples: Of the bootstrap.
        method: Of the interval.
        seed: Of the draws.

    Raises:
        InputError: if the numbers of scores differ, or are none.
    """
    if not a or len(a) != len(b):
        what = f"{len(a)} scores cannot be compared with {len(b)}"
        raise InputError(what, expected="a score of either model for each task")
    stratum = Stratum(1.0, np.array(a, float), np.array(b, float))
    differences = stratum.a - stratum.b
    low, high = bootstrap_interval([stratum], level=level, resamples=resamples, method=method, seed=seed)
    return Comparison(
        difference=float(differences.mean()),
        low=low,
        high=high,
        p=wilcoxon_signed_rank(differences),
        n=len(differences),
        effect=rank_biserial(differences),
    )


def _mean_effect(strata: Sequence[Stratum]) -> float | None:
    effects = [one.effect() for one in strata]
    bounded = [weighed for one, weighed in zip(strata, effects, strict=True) if weighed is not None]
    if len(bounded) < len(strata):
        return None
    return float(np.average(bounded, weights=[one.weight for one in strata]))
