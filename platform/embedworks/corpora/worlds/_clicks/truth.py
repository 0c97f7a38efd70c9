"""The truth of ``clicks``: how likely a click is, given every identifier and number.

A factorisation machine with known parameters: each identifier has a weight of its own and a latent vector,
of which a field uses a prefix; pairs and triples of fields interact through products of latent vectors
(Rendle 2010; Blondel et al. 2016 for the third order).

Shapes: N rows, F fields, M numbers, C identifiers of all fields together, D latent dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embedworks.corpora.recipe import row_rng

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

SAMPLE = 20_000  # rows by which the truth is scaled
STEPS = 60  # of the bisection that finds the bias


class Truth:
    """Draws rows and knows how likely each is clicked.

    Args:
        seed: The user's.
        world: The world's name.
        cardinalities: Identifiers of each field.
        widths: Latent dimensions that each field uses; 0 for one that carries nothing.
        numbers: Numeric features.
        tail: Exponent of Zipf's law: an identifier of rank r is drawn in proportion to r ** -tail.
        order: The most features that act together.
        signal: Standard deviation of the log-odds.
        rate: Mean probability of a click.
    """

    def __init__(
        self,
        seed: int,
        world: str,
        cardinalities: Sequence[int],
        widths: Sequence[int],
        numbers: int,
        tail: float,
        order: int,
        signal: float,
        rate: float,
    ) -> None:
        self.numbers, self.order = numbers, order
        self.cdfs = [_zipf_cdf(cardinality, tail) for cardinality in cardinalities]
        self.offset_F = np.cumsum([0, *cardinalities[:-1]])
        rng = row_rng(seed, world, "truth", 0)
        used_CD = np.repeat(np.arange(max(widths)) < np.array(widths)[:, None], cardinalities, axis=0)
        self.latent_CD = rng.standard_normal(used_CD.shape) * used_CD
        self.weight_C = rng.standard_normal(len(used_CD)) * used_CD[:, 0]
        self.slope_M = rng.standard_normal(numbers)
        ids_NF, numbers_NM = self._sample(rng)
        self.scale_O = signal * np.ones(order) / np.sqrt(order)
        parts_ON = self._parts(ids_NF, numbers_NM)
        self.mean_O = parts_ON.mean(axis=1)
        self.scale_O /= parts_ON.std(axis=1)
        self.bias = 0.0
        self.bias = _bias(self.log_odds(ids_NF, numbers_NM), rate)

    def draw(self, rng: np.random.Generator) -> tuple[Ids, Floats]:
        """Identifiers (F,) and numbers (M,) of one row."""
        uniform_F = rng.random(len(self.cdfs))
        ids = [
            int(cdf.searchsorted(one, side="right")) for cdf, one in zip(self.cdfs, uniform_F, strict=True)
        ]
        return np.array(ids), rng.standard_normal(self.numbers).round(4)

    def log_odds(self, ids_NF: Ids, numbers_NM: Floats) -> Floats:
        """Log-odds (N,) of a click."""
        parts_ON = self._parts(ids_NF, numbers_NM) - self.mean_O[:, None]
        log_odds_N: Floats = self.bias + (self.scale_O[:, None] * parts_ON).sum(axis=0)
        return log_odds_N

    def probability(self, ids_NF: Ids, numbers_NM: Floats) -> Floats:
        """Probabilities (N,) of a click, to six decimals."""
        return sigmoid(self.log_odds(ids_NF, numbers_NM)).round(6)

    def _parts(self, ids_NF: Ids, numbers_NM: Floats) -> Floats:
        """What features add alone, in pairs, in triples: (order, N), not yet scaled."""
        row_NF = ids_NF + self.offset_F
        alone_N = self.weight_C[row_NF].sum(axis=1) + (numbers_NM * self.slope_M).sum(axis=1)
        latent_NFD = self.latent_CD[row_NF]
        # Sums of powers give all pairs and triples without forming them (Newton's identities).
        one_ND, two_ND, three_ND = (np.sum(latent_NFD**power, axis=1) for power in (1, 2, 3))
        pairs_N = (one_ND**2 - two_ND).sum(axis=1) / 2
        triples_N = (one_ND**3 - 3 * one_ND * two_ND + 2 * three_ND).sum(axis=1) / 6
        return np.stack([alone_N, pairs_N, triples_N][: self.order])

    def _sample(self, rng: np.random.Generator) -> tuple[Ids, Floats]:
        columns = [cdf.searchsorted(rng.random(SAMPLE), side="right") for cdf in self.cdfs]
        return np.stack(columns, axis=1), rng.standard_normal((SAMPLE, self.numbers))


def sigmoid(x: Floats) -> Floats:
    """Log-odds to probabilities."""
    probability: Floats = 1 / (1 + np.exp(-x))
    return probability


def _zipf_cdf(cardinality: int, tail: float) -> Floats:
    mass = np.arange(1, cardinality + 1, dtype=np.float64) ** -tail
    cdf: Floats = np.cumsum(mass) / mass.sum()
    cdf[-1] = 1.0
    return cdf


def _bias(log_odds_N: Floats, rate: float) -> float:
    """What to add to log-odds, so that the mean probability is ``rate``."""
    low, high = -50.0, 50.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        too_many = sigmoid(log_odds_N + middle).mean() > rate
        low, high = (low, middle) if too_many else (middle, high)
    return (low + high) / 2
