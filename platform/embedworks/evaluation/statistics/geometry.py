"""How an embedding space is filled: alignment, uniformity and measures of anisotropy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32] | NDArray[np.float64]

MOST_PAIRS = 4096  # vectors whose pairs are all compared; more are sampled

# Shape legend: N texts, d dimensions.


@dataclass(frozen=True)
class Geometry:
    """Measures of one set of vectors.

    Attributes:
        uniformity: Lower is more evenly spread: 0 for one point, -4 at best for many texts.
        mean_cosine: Of two different texts; 0 for a space that leans nowhere.
        isotropy: 0 to 1, 1 where the partition function is the same in all directions.
        isoscore: 0 to 1, 1 where all directions have the same variance.
        effective_rank: 1 to d, how many directions carry the variance.
        top_share: Of the variance, in its strongest direction.
    """

    uniformity: float
    mean_cosine: float
    isotropy: float
    isoscore: float
    effective_rank: float
    top_share: float


def geometry(vectors_Nd: Vectors, seed: int = 0) -> Geometry:
    """Measure ``(N, d)`` vectors of different texts; N of 2 or more.

    Args:
        vectors_Nd: One text a row, of any length.
        seed: Of the sample whose pairs are compared, where there are many texts.
    """
    unit = _unit(vectors_Nd)
    shares = variance_shares(unit)
    sample = unit
    if len(unit) > MOST_PAIRS:
        sample = unit[np.random.default_rng(seed).choice(len(unit), MOST_PAIRS, replace=False)]
    return Geometry(
        uniformity=uniformity(sample),
        mean_cosine=mean_cosine(unit),
        isotropy=isotropy(unit),
        isoscore=isoscore(shares),
        effective_rank=effective_rank(shares),
        top_share=float(shares.max()),
    )


def alignment(first_Nd: Vectors, second_Nd: Vectors, power: float = 2) -> float:
    """Mean distance of N positive pairs on the unit sphere, to a power (Wang & Isola 2020, section 4.1).

    Lower is better: 0 where both texts of every pair have one vector.
    """
    distances_N = np.linalg.norm(_unit(first_Nd) - _unit(second_Nd), axis=1)
    return float((distances_N**power).mean())


def uniformity(vectors_Nd: Vectors, temperature: float = 2) -> float:
    """Log of the mean Gaussian potential of all pairs (Wang & Isola 2020, section 4.1).

    0 where all vectors are one; the lower, the more evenly they fill the unit sphere.
    """
    unit = _unit(vectors_Nd)
    count, total = len(unit), 0.0
    for first in range(0, count, 512):
        squares = np.maximum(2 - 2 * unit[first : first + 512] @ unit.T, 0)
        total += float(np.exp(-temperature * squares).sum())
    return float(np.log((total - count) / (count * (count - 1))))  # a vector is no pair with itself


def mean_cosine(vectors_Nd: Vectors) -> float:
    """Mean cosine of two different texts (Ethayarajh 2019), over all pairs.

    The sum of all cosines is the squared length of the vectors' sum, so no pair is looked at.
    """
    unit = _unit(vectors_Nd)
    count = len(unit)
    return float((np.square(unit.sum(axis=0)).sum() - count) / (count * (count - 1)))


def isotropy(vectors_Nd: Vectors) -> float:
    """Smallest by largest partition function over the principal directions (Mu & Viswanath 2018).

    A direction and its opposite both count: which of the two an eigenvector is, is arbitrary.
    """
    unit = _unit(vectors_Nd)
    _, directions_dd = np.linalg.eigh(unit.T @ unit)
    sums_d = np.exp(unit @ directions_dd).sum(axis=0)
    opposite_d = np.exp(-unit @ directions_dd).sum(axis=0)
    return float(min(sums_d.min(), opposite_d.min()) / max(sums_d.max(), opposite_d.max()))


def variance_shares(vectors_Nd: Vectors) -> NDArray[np.float64]:
    """``(d,)`` shares of the variance in each principal direction, the weakest first."""
    centred = np.asarray(vectors_Nd, float) - vectors_Nd.mean(axis=0)
    variances_d = np.maximum(np.linalg.eigvalsh(centred.T @ centred), 0)
    total = float(variances_d.sum())
    if not total:
        return np.asarray(np.eye(len(variances_d))[-1])  # one point: no direction but the one
    return np.asarray(variances_d / total)


def isoscore(shares_d: NDArray[np.float64]) -> float:
    """IsoScore (Rudman et al. 2022) of the shares of variance; 1 for one dimension."""
    count = len(shares_d)
    if count == 1:
        return 1.0
    normed_d = np.sqrt(count) * shares_d / np.linalg.norm(shares_d)
    defect = np.linalg.norm(normed_d - 1) / np.sqrt(2 * (count - np.sqrt(count)))
    used = (count - defect**2 * (count - np.sqrt(count))) ** 2 / count**2
    return float((count * used - 1) / (count - 1))


def effective_rank(shares_d: NDArray[np.float64]) -> float:
    """Exponential of the shares' entropy (Roy & Vetterli 2007, there of singular values)."""
    positive = shares_d[shares_d > 0]
    return float(np.exp(-(positive * np.log(positive)).sum()))


def _unit(vectors_Nd: Vectors) -> NDArray[np.float64]:
    vectors = np.asarray(vectors_Nd, float)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
