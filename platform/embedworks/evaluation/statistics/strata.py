"""Two models on one part of a task: the difference of their scores, and how it varies.

Everything is over R resamples at once; nothing loops over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedworks.evaluation.samples import Numbers, Samples, align, standard_ranks

Counts = NDArray[np.intp]

# Shape legend: N samples, R resamples, U different values.


@dataclass(frozen=True)
class Stratum:
    """Paired samples that are resampled among themselves.

    Attributes:
        weight: Its share in the whole difference.
        a: ``(N,)``, the first model: values, or predicted similarities where there is ``gold``.
        b: ``(N,)``, the second model, likewise.
        gold: ``(N,)`` right similarities: the score is then Spearman's correlation; else the mean.
    """

    weight: float
    a: Numbers
    b: Numbers
    gold: Numbers | None = None

    def difference(self) -> float:
        """The first model's score less the second's, unweighted."""
        return float(self.resampled(np.ones((1, len(self.a)), np.intp))[0])

    def resampled(self, counts_RN: Counts) -> Numbers:
        """``(R,)`` differences where each sample counts that often."""
        if self.gold is None:
            return np.asarray(counts_RN @ (self.a - self.b) / counts_RN.sum(axis=1))
        counts = counts_RN.astype(float)
        gold = counts * counted_ranks(self.gold, counts)
        a_R, b_R = (np.einsum("rn,rn->r", counted_ranks(x, counts), gold) for x in (self.a, self.b))
        return np.asarray((a_R - b_R) / counts.sum(axis=1))

    def swapped(self, keep_RN: NDArray[np.bool_]) -> Numbers:
        """``(R,)`` differences where the models change places on the samples that are not kept.

        Similarities of two models are not on one scale, so ranks change places, not values.
        """
        if self.gold is None:
            return np.asarray((2.0 * keep_RN - 1) @ (self.a - self.b) / len(self.a))
        a_N, b_N, gold_N = (standard_ranks(x) for x in (self.a, self.b, self.gold))
        keep = keep_RN.astype(float)
        return _mixed(keep, a_N, b_N, gold_N) - _mixed(keep, b_N, a_N, gold_N)

    def influence(self) -> Numbers:
        """``(N,)`` jackknife influence of each sample (Efron 1987, eq. 6.6, in its finite form)."""
        count = len(self.a)
        if self.gold is None:
            differences = self.a - self.b
            return np.asarray(differences - differences.mean())
        left_out = np.concatenate([self.resampled(_all_but(rows, count)) for rows in chunks(count, count)])
        return np.asarray((count - 1) * (left_out.mean() - left_out))

    def effect(self) -> float | None:
        """Cohen's d of paired samples, or Cohen's q of two correlations; None where it has no bound."""
        if self.gold is None:
            spread = float(np.std(self.a - self.b, ddof=1)) if len(self.a) > 1 else 0.0
            mean = float(np.mean(self.a - self.b))
            return mean / spread if spread else (0.0 if mean == 0 else None)
        gold = standard_ranks(self.gold)
        a, b = (float(np.mean(standard_ranks(x) * gold)) for x in (self.a, self.b))
        bounded = max(abs(a), abs(b)) < 1 - 1e-12
        return float(np.arctanh(a) - np.arctanh(b)) if bounded else (0.0 if a == b else None)


def strata_of(pairs: Sequence[tuple[Samples, Samples]]) -> list[Stratum]:
    """The strata of two models on some tasks; tasks weigh alike, and so do the parts of a task.

    Raises:
        InputError: if the models do not have the same samples.
    """
    strata = []
    for first, second in pairs:
        a, b = align(first, second)
        parts = a.rows().values()
        weight = 1 / (len(pairs) * len(parts))
        for rows in parts:
            if a.predicted is None or b.predicted is None or a.gold is None:
                strata.append(Stratum(weight, a.values[rows], b.values[rows]))
            else:
                strata.append(Stratum(weight, a.predicted[rows], b.predicted[rows], a.gold[rows]))
    return strata


def counted_ranks(values_N: Numbers, counts_RN: Numbers) -> Numbers:
    """``(R, N)`` standardised ranks of the values in a resample that holds them ``counts`` times.

    Values are sorted once: in a resample, a rank follows from how many smaller values it holds. Equal
    values share a rank; the mean over the resample is 0 and the variance 1, or 0 where all are equal.
    """
    _, place_N, sizes_U = np.unique(values_N, return_inverse=True, return_counts=True)
    starts_U = np.concatenate(([0], np.cumsum(sizes_U)[:-1]))
    held_RU = np.take(counts_RN, np.argsort(place_N, kind="stable"), axis=1)
    if len(sizes_U) < len(values_N):
        held_RU = np.add.reduceat(held_RU, starts_U, axis=1)
    total_R1 = counts_RN.sum(axis=1, keepdims=True)
    ranks_RU = np.cumsum(held_RU, axis=1)
    ranks_RU -= (held_RU + total_R1) / 2  # the mean rank of equal values, less the mean of all
    square_R1 = np.einsum("ru,ru,ru->r", held_RU, ranks_RU, ranks_RU)[:, None] / total_R1
    ranks_RU /= np.sqrt(np.where(square_R1 > 0, square_R1, 1))
    return np.asarray(np.take(ranks_RU, place_N, axis=1))


def chunks(rows: int, width: int, cells: int = 100_000) -> Iterable[slice]:
    """Slices of ``rows`` that keep a block of that width below so many cells."""
    step = max(1, cells // max(1, width))
    return (slice(first, min(first + step, rows)) for first in range(0, rows, step))


def _all_but(rows: slice, count: int) -> Counts:
    return 1 - np.eye(rows.stop - rows.start, count, k=rows.start, dtype=np.intp)


def _mixed(keep_RN: Numbers, a_N: Numbers, b_N: Numbers, gold_N: Numbers) -> Numbers:
    """``(R,)`` correlation with the gold ranks of a where kept, of b elsewhere."""
    count = len(a_N)
    product_R = (b_N @ gold_N + keep_RN @ ((a_N - b_N) * gold_N)) / count
    mean_R = (b_N.sum() + keep_RN @ (a_N - b_N)) / count
    square_R = ((b_N**2).sum() + keep_RN @ (a_N**2 - b_N**2)) / count
    spread_R = np.sqrt(np.maximum(square_R - mean_R**2, 0))
    return np.asarray(np.divide(product_R, spread_R, out=np.zeros_like(spread_R), where=spread_R > 1e-12))
