"""A steady load of searches; every answer is compared with the right scores of the version it names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from _steady import CLOSE, Steady, Vectors, Verdict

from embedworks.embedder import Embedder
from embedworks.vectors.records import VersionRecord
from helpers.indexes import texts

LIMIT = 3


def right_scores(record: VersionRecord, queries: Sequence[str]) -> Vectors:
    """``(Q, N)`` scores of all rows by the version's own model, computed here."""
    embedder = Embedder.load(record.folder)
    rows_ND = embedder.encode([record.prompt + row["text"] for row in texts()]).numpy()
    queries_QD = embedder.encode(list(queries), prompt=embedder.settings.prompts.get("query", "")).numpy()
    scores_QN: Vectors = queries_QD @ rows_ND.T
    return scores_QN


class SteadySearch(Steady):
    """Clients that search without pause.

    Args:
        url: Of the endpoint, ending in ``/v1``.
        index: Its name.
        queries: What is asked for, one or several at a time.
        expected: Version to :func:`right_scores`.
        options: As of :class:`Steady`.
    """

    path = "/v1/search"

    def __init__(
        self,
        url: str,
        index: str,
        queries: Sequence[str],
        expected: dict[str, Vectors],
        **options: Any,
    ) -> None:
        super().__init__(url, index, queries, expected, **options)

    def _body(self, texts: list[str]) -> dict[str, Any]:
        return {"index": self._model, "query": texts, "limit": LIMIT}

    def _compare(self, answer: dict[str, Any], chosen: list[int]) -> Verdict:
        version = str(answer["version"])
        if version not in self._expected:
            return version, f"an answer of version {version!r}"
        if len(answer["data"]) != len(chosen):
            return version, f"{len(answer['data'])} answers to {len(chosen)} queries"
        for place, found in zip(chosen, answer["data"], strict=True):
            if fault := _fault(found["hits"], self._expected[version][place]):
                return version, f"version {version}: {fault}"
        return version, None


def _fault(hits: list[dict[str, Any]], scores_N: Vectors) -> str | None:
    best = np.sort(scores_N)[::-1][:LIMIT]
    got = np.array([hit["score"] for hit in hits], dtype=np.float32)
    own = np.array([scores_N[hit["id"]] for hit in hits], dtype=np.float32)
    if got.shape != best.shape:
        return f"{len(got)} hits"
    far = float(max(np.abs(got - best).max(), np.abs(got - own).max()))
    rows = [hit["row"]["text"] == texts()[hit["id"]]["text"] for hit in hits]
    return None if far <= CLOSE and all(rows) else f"{far:.4f} from its scores, rows right: {rows}"
