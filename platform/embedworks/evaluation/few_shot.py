"""A few labelled texts of each class, by which the others are told (Dialog2Flow, arXiv 2410.18481).

As evaluate_embeddings.py of github.com/idiap/dialog2flow does it, but for nDCG: here texts are ranked by
their cosines, and are right or wrong; there, places of that ranking are ranked by whether they are right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.evaluation.image_tasks import Outcome, Vectors, normalised
from embedworks.evaluation.text_tasks import Encode, TextTask

Labels = NDArray[np.str_]

DRAWS = 10  # of labelled texts, as in the official evaluation
SEED = 13
RANKED = 10

# Shape legend: N texts, C classes, d dimensions.


@dataclass(frozen=True)
class FewShot(TextTask):
    """Tell a text's class by the nearest prototype: the mean of the vectors of a few labelled texts.

    Each domain by itself, the mean over domains. Classes with fewer than max(2 n, n + 5) texts are left
    out of n-shot numbers.

    Attributes:
        domains: Domain -> (text, class), all texts of a class different.
    """

    name: str
    domains: Mapping[str, Sequence[tuple[str, str]]]
    metric: str = "f1_1_shot"

    @property
    def sentences(self) -> Sequence[str]:
        """All texts."""
        return [text for pairs in self.domains.values() for text, _ in pairs]

    def score(self, encode: Encode) -> Outcome:
        """Macro-F1 after one labelled text of a class.

        Beside it after five, nDCG@10 of a class's texts by one of them, the mean cosine within a class
        (``intra``), of the classes' means (``inter``), and their difference.
        """
        found: dict[str, list[float]] = {}
        for pairs in self.domains.values():
            for key, number in self._domain(encode, pairs).items():
                if not np.isnan(number):
                    found.setdefault(key, []).append(number)
        numbers = {key: float(np.mean(values)) for key, values in found.items()}
        if self.metric not in numbers:
            raise InputError(f"task {self.name!r} finds no two classes with enough texts in a domain")
        return Outcome(numbers.pop(self.metric), len(self.sentences), numbers, {})

    def _domain(self, encode: Encode, pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
        vectors_Nd = normalised(encode([text for text, _ in pairs]))
        labels_N = np.array([label for _, label in pairs])
        one, ranked = few_shot(vectors_Nd, labels_N, 1)
        found = {
            "f1_1_shot": one,
            f"ndcg_at_{RANKED}": ranked,
            "f1_5_shot": few_shot(vectors_Nd, labels_N, 5)[0],
        }
        intra, inter = anisotropy(vectors_Nd, labels_N)
        return found | {"intra": intra, "inter": inter, "intra_minus_inter": intra - inter}


def few_shot(vectors_Nd: Vectors, labels_N: Labels, shots: int) -> tuple[float, float]:
    """Macro-F1 of the nearest prototype, and nDCG@10 of the texts ranked by it; means over ``DRAWS`` draws.

    (nan, nan) where fewer than two classes have enough texts.
    """
    from sklearn.metrics import f1_score

    classes, counts = np.unique(labels_N, return_counts=True)
    classes = classes[counts >= max(2 * shots, shots + 5)]
    if len(classes) < 2:
        return float("nan"), float("nan")
    kept = np.isin(labels_N, classes)
    vectors_Nd, labels_N = vectors_Nd[kept], labels_N[kept]
    rng, f1, ndcg = np.random.default_rng(SEED), [], []
    for _ in range(DRAWS):
        drawn = [rng.permutation(np.flatnonzero(labels_N == one))[:shots] for one in classes]
        prototypes_Cd = np.stack([vectors_Nd[places].mean(axis=0) for places in drawn])
        others = np.setdiff1d(np.arange(len(labels_N)), np.concatenate(drawn))
        scores_CN = prototypes_Cd @ vectors_Nd[others].T
        right_CN = classes[:, None] == labels_N[others][None, :]
        guesses = classes[scores_CN.argmax(axis=0)]
        f1.append(f1_score(labels_N[others], guesses, average="macro", zero_division=0))
        ndcg.append(np.mean([ndcg_at(s, r, RANKED) for s, r in zip(scores_CN, right_CN, strict=True)]))
    return float(np.mean(f1)), float(np.mean(ndcg))


def ndcg_at(scores_N: Vectors, right_N: NDArray[np.bool_], k: int) -> float:
    """nDCG@k of one ranking whose items are right or wrong."""
    gains = 1 / np.log2(np.arange(2, k + 2))
    best = right_N[np.argsort(-scores_N, kind="stable")[:k]]
    ideal = gains[: min(k, int(right_N.sum()))].sum()
    return float(gains[: len(best)][best].sum() / ideal) if ideal else 0.0


def anisotropy(vectors_Nd: Vectors, labels_N: Labels) -> tuple[float, float]:
    """Mean cosine within a class, over classes with three texts or more, and of two classes' means."""
    groups = [vectors_Nd[labels_N == one] for one in np.unique(labels_N)]
    centres_Cd = normalised(np.stack([group.mean(axis=0) for group in groups]))
    within = [mean_cosine(group) for group in groups if len(group) > 2]
    return float(np.mean(within)) if within else float("nan"), mean_cosine(centres_Cd)


def mean_cosine(unit_Nd: Vectors) -> float:
    """Of two different rows."""
    count = len(unit_Nd)
    total = float(np.square(unit_Nd.sum(axis=0, dtype=np.float64)).sum())
    return (total - count) / (count * (count - 1)) if count > 1 else float("nan")
