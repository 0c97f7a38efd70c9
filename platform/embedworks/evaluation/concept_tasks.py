"""Tasks of texts that share concepts: are matches found, and do dimensions mean the concepts they name?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedworks.concepts.contributions import contributions
from embedworks.errors import InputError
from embedworks.evaluation.encoder import Reader
from embedworks.evaluation.esa import Esa, TfIdf, sparse_cosines
from embedworks.evaluation.few_shot import ndcg_at
from embedworks.evaluation.image_tasks import Outcome
from embedworks.evaluation.local import data_digest
from embedworks.evaluation.text_tasks import TextTask

RANKED = 10
NAMED = 5  # largest dimensions of a text whose names are looked at
ORDER_SEED = 11
ERASED = 3  # contributions that are taken from a score
SIDES = ("query", "document")

# Shape legend: Q queries, C candidates of each, N texts, K dimensions.

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Candidates:
    """A query with the texts that are ranked for it.

    Attributes:
        query: The text.
        texts: C of them; the first ``relevant`` are right.
        relevant: How many.
    """

    query: str
    texts: tuple[str, ...]
    relevant: int


@dataclass(frozen=True)
class ConceptMatching(TextTask):
    """Rank texts of one kind for a text of another kind, and explain the scores by concepts.

    Attributes:
        queries: All with equally many candidates and right ones.
        texts: (text, kind, its concepts) of items that training never saw.
        training: (texts, concepts) of the items that training saw: what TF-IDF and ESA are made of, and
            the names of dimensions that have none.
    """

    name: str
    queries: Sequence[Candidates]
    texts: Sequence[tuple[str, str, Sequence[str]]]
    training: Sequence[tuple[Sequence[str], Sequence[str]]]
    metric: str = "auc"

    @property
    def sentences(self) -> Sequence[str]:
        """Queries and candidates."""
        return [text for one in self.queries for text in (one.query, *one.texts)]

    @property
    def digest(self) -> str:
        """Changes when a text, a concept or their order does."""
        return data_digest(asdict(self))

    def score(self, encode: Reader) -> Outcome:  # type: ignore[override]
        """Area under the ROC curve over all pairs of query and candidate.

        Beside it ``ndcg_at_10``; the same two of ESA and TF-IDF (``esa_auc``, ``tfidf_ndcg_at_10``, ...)
        and by how much they are exceeded (``auc_over_esa``, ...); ``precision_at_5`` of the names of a
        text's largest dimensions among its concepts, and ``chance_at_5`` of five names at random; how much
        a right pair's score loses without its three largest contributions (``drop``), without three of
        its active ones (``random_drop``), and the one over the other (``faithfulness``).
        """
        settings = encode.settings
        queries_QK, candidates_NK = (
            encode(texts, kind) for texts, kind in zip(self._sides(), SIDES, strict=True)
        )
        auc, ndcg = self._ranking(pair_scores(queries_QK, candidates_NK, settings.similarity))
        others = {"ndcg_at_10": ndcg}
        for name, baseline in self._baselines().items():
            own_auc, own_ndcg = self._ranking(sparse_cosines(*map(baseline.vectors, self._sides())))
            others |= {f"{name}_auc": own_auc, f"{name}_ndcg_at_10": own_ndcg}
            others |= {f"auc_over_{name}": auc - own_auc}
        names = settings.dimension_names or self._frequent()
        others |= self._precision(encode, names[: encode.dimensions])
        right = self._right_pairs(queries_QK, candidates_NK)
        others |= faithfulness(contributions(*right, settings.similarity))
        return Outcome(auc, len(self.queries), others, {})

    def _sides(self) -> tuple[list[str], list[str]]:
        """Q queries, and the Q * C candidates in their order."""
        return [one.query for one in self.queries], [text for one in self.queries for text in one.texts]

    def _ranking(self, scores_QC: Array) -> tuple[float, float]:
        from sklearn.metrics import roc_auc_score

        relevant_Q = np.array([one.relevant for one in self.queries])
        right_QC = np.arange(scores_QC.shape[1]) < relevant_Q[:, None]
        auc = float(roc_auc_score(right_QC.ravel(), scores_QC.ravel()))
        # In any order, so that equal scores are neither gain nor loss: right ones stand in front.
        rng = np.random.default_rng(ORDER_SEED)
        orders = [rng.permutation(scores_QC.shape[1]) for _ in self.queries]
        rows = [ndcg_at(s[o], r[o], RANKED) for s, r, o in zip(scores_QC, right_QC, orders, strict=True)]
        return auc, float(np.mean(rows))

    def _right_pairs(self, queries_QK: Array, candidates_NK: Array) -> tuple[Array, Array]:
        width = len(self.queries[0].texts)
        rows = [(q, q * width + c) for q, one in enumerate(self.queries) for c in range(one.relevant)]
        left, right = zip(*rows, strict=True)
        return queries_QK[list(left)], candidates_NK[list(right)]

    def _baselines(self) -> dict[str, Esa | TfIdf]:
        words = TfIdf(text for texts, _ in self.training for text in texts)
        said: dict[str, list[str]] = defaultdict(list)
        for texts, concepts in self.training:
            for concept in concepts:
                said[concept] += [concept, *texts]
        return {"esa": Esa(words, [" ".join(said[one]) for one in sorted(said)]), "tfidf": words}

    def _frequent(self) -> tuple[str, ...]:
        counts = Counter(concept for _, concepts in self.training for concept in concepts)
        return tuple(name for name, _ in counts.most_common())

    def _precision(self, encode: Reader, names: Sequence[str]) -> dict[str, float]:
        """Of texts with as many concepts among the names as are looked at."""
        known, hits, chances = set(names), [], []
        for kind in SIDES:
            kept = [
                (text, known.intersection(concepts))
                for text, own_kind, concepts in self.texts
                if own_kind == kind and len(known.intersection(concepts)) >= NAMED
            ]
            if not kept:
                continue
            vectors_NK = encode([text for text, _ in kept], kind)
            for (_, concepts), vector_K in zip(kept, vectors_NK, strict=True):
                top = np.argsort(-vector_K[: len(names)], kind="stable")[:NAMED]
                hits.append(np.mean([names[place] in concepts for place in top]))
                chances.append(len(concepts) / len(names))
        if not hits:
            raise InputError(f"no text of task {self.name!r} has {NAMED} concepts that the model names")
        return {
            f"precision_at_{NAMED}": float(np.mean(hits)),
            f"chance_at_{NAMED}": float(np.mean(chances)),
        }


def pair_scores(queries_QK: Array, candidates_NK: Array, similarity: str = "cosine") -> Array:
    """``(Q, C)`` similarity of every query with its own candidates, which lie in the queries' order."""
    candidates_QCK = candidates_NK.reshape(len(queries_QK), -1, queries_QK.shape[1])
    scores_QC: Array = np.einsum("qk,qck->qc", queries_QK, candidates_QCK)
    if similarity == "cosine":
        lengths = np.linalg.norm(queries_QK, axis=1)[:, None] * np.linalg.norm(candidates_QCK, axis=2)
        scores_QC = scores_QC / np.maximum(lengths, 1e-12)
    return scores_QC


def faithfulness(parts_NK: Array) -> dict[str, float]:
    """How much scores lose without their largest contributions, and without active ones at random.

    Active are contributions above an even share of the score, 1/K of it. The mean over all choices of three
    active ones is three times their mean, so nothing is drawn; where there are fewer, all are taken.

    Args:
        parts_NK: Contributions to the scores of N pairs.
    """
    order_NK = -np.sort(-parts_NK, axis=1)
    drops = order_NK[:, :ERASED].sum(axis=1)
    is_active = order_NK > np.maximum(parts_NK.mean(axis=1, keepdims=True), 0)
    counts_N = is_active.sum(axis=1)
    means_N = (order_NK * is_active).sum(axis=1) / np.maximum(counts_N, 1)
    at_random = means_N * np.minimum(counts_N, ERASED)
    drop, random_drop = float(drops.mean()), float(at_random.mean())
    return {"drop": drop, "random_drop": random_drop, "faithfulness": drop / max(random_drop, 1e-12)}


def candidate_lists(
    items: Sequence[Mapping[str, Any]],
    alike: Sequence[Sequence[int]],
    shares: Callable[[int, int], bool],
    *,
    candidates: int,
    relevant: int,
    seed: int,
) -> list[Candidates]:
    """For every item its query with profiles of relevant and of irrelevant items.

    Args:
        items: With ``query`` and ``profiles``.
        alike: Of each item the numbers of those relevant to it, itself first. Where they are too few, its
            own profiles fill up.
        shares: Whether two items have anything in common; those that have not are irrelevant.
        candidates: C.
        relevant: How many of them are right.
        seed: Draws items and profiles.
    """
    rng = np.random.default_rng(seed)
    found = []
    for number, item in enumerate(items):
        others = rng.permutation(list(alike[number][1:])).tolist()[: relevant - 1]
        own = rng.permutation(item["profiles"]).tolist()[: relevant - len(others)]
        strangers = [other for other in range(len(items)) if not shares(number, other)]
        wrong = rng.permutation(strangers).tolist()[: candidates - relevant]
        if len(own) + len(others) < relevant or len(wrong) < candidates - relevant:
            continue
        texts = [str(rng.choice(items[other]["profiles"])) for other in [*others, *wrong]]
        found.append(Candidates(item["query"], (*own, *texts), relevant))
    return found
