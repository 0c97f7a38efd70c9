"""Okapi BM25 as mteb sees a model that searches: the lexical baseline of retrieval."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedworks.evaluation.evaluate import Score, size_of
from embedworks.evaluation.quiet import quiet

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from mteb.models import ModelMeta

K1 = 1.5  # how soon further occurrences of a word stop to count
B = 0.75  # how much long documents are held back
WORD = re.compile(r"[^\W_]+")  # identifiers fall apart at their underscores


class Bm25:
    """Satisfies mteb's ``SearchProtocol``.

    A document's score is the sum over the query's words of ``idf * f (k1 + 1) / (f + k1 (1 - b + b l))``,
    with f its count of the word and l its length over the mean one (Robertson and Zaragoza, 2009, equation
    3.15); ``idf = ln(1 + (N - n + 0.5) / (n + 0.5))`` is Lucene's, which never is negative.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._weights: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}

    @property
    def mteb_model_meta(self) -> ModelMeta:
        """mteb's description."""
        from mteb.models import ModelMeta

        meta: ModelMeta = ModelMeta.create_empty({"name": "baseline/bm25", "revision": "1"})
        return meta

    def index(self, corpus: Iterable[Mapping[str, Any]], **_options: Any) -> None:
        """Read the documents: rows with ``id``, ``text`` and perhaps ``title``."""
        rows = list(corpus)
        self._ids = [row["id"] for row in rows]
        counts = [Counter(words(f"{row.get('title') or ''} {row['text']}")) for row in rows]
        lengths_N = np.array([count.total() for count in counts], np.float64)
        relative_N = lengths_N / max(1.0, lengths_N.mean())
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, count in enumerate(counts):
            for word, times in count.items():
                places[word].append((number, times))
        for word, found in places.items():
            numbers, times_n = np.array(found).T
            idf = np.log1p((len(rows) - len(found) + 0.5) / (len(found) + 0.5))
            damped = times_n + K1 * (1 - B + B * relative_N[numbers])
            self._weights[word] = numbers, idf * times_n * (K1 + 1) / damped

    def scores(self, query: str) -> NDArray[np.float64]:
        """``(N,)`` scores of all documents, in the order of the corpus."""
        found_N = np.zeros(len(self._ids))
        for word, times in Counter(words(query)).items():
            if word in self._weights:
                numbers, weights = self._weights[word]
                found_N[numbers] += times * weights
        return found_N

    def search(
        self,
        queries: Iterable[Mapping[str, Any]],
        *,
        top_k: int,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        **_options: Any,
    ) -> dict[str, dict[str, float]]:
        """Query -> document -> score of the best ``top_k``, or of those that are to be ranked anew."""
        found = {}
        for query in queries:
            scores_N = self.scores(query["text"])
            best = np.argsort(-scores_N, kind="stable")
            ranked = {self._ids[number]: float(scores_N[number]) for number in best}
            if top_ranked is not None:
                ranked = {key: ranked[key] for key in top_ranked[query["id"]]}
            found[query["id"]] = dict(list(ranked.items())[:top_k])
        return found


def words(text: str) -> list[str]:
    """Runs of letters and digits, without case."""
    return WORD.findall(text.casefold())


def score_bm25(task: AbsTask) -> Score:
    """BM25 on a retrieval task whose data is loaded."""
    import mteb

    with quiet():
        options = {"cache": None, "co2_tracker": False, "show_progress_bar": False}
        result = mteb.evaluate(Bm25(), task, **options).task_results[0]
    return Score(
        task=task.metadata.name,
        layers=0,
        dimensions=0,
        metric=task.metadata.main_score,
        value=round(float(result.get_score()), 6),
        seconds=float(result.evaluation_time or 0.0),
        n=size_of(task.dataset, task.eval_splits),
    )
