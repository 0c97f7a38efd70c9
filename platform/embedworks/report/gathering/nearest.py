"""What two models find for the queries on which they differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedworks.evaluation.samples import Samples, read_samples
from embedworks.jobs.scores import Scores, full_size
from embedworks.report.data import Found, Hit, Neighbours, Query
from embedworks.report.gathering.texts import SearchTexts
from embedworks.report.gathering.vectors import Encoders

GAINS, LOSSES = 3, 3
TOP = 3
LONGEST = 600

# Shape legend: Q queries, N documents, D dimensions.


def neighbours(
    task: Any,
    search: SearchTexts,
    encoders: Encoders,
    scores: Mapping[str, Scores],
) -> Neighbours | None:
    """The queries that gained and lost most from the first model to the second, and what both find.

    Args:
        task: Of retrieval.
        search: Its texts.
        encoders: Two models: the reference and the best.
        scores: Of both, with samples of the task.
    """
    name = task.metadata.name
    before, after = (
        _by_query(read_samples(Path(str(full_size(scores[model])[name]["samples"]))), search)
        for model in encoders.models
    )
    chosen = choose(before, after)
    if not chosen:
        return None
    found = {
        model: _found(task, search, encoders, model, [q for q, _ in chosen]) for model in encoders.models
    }
    queries = tuple(
        Query(
            text=_clipped(search.queries[query]),
            right=_clipped(search.documents[min(search.right[query])]),
            group=group,
            found=tuple(
                Found(model, values[query], *found[model][query])
                for model, values in zip(encoders.models, (before, after), strict=True)
            ),
        )
        for query, group in chosen
    )
    rule = (
        f"Of the {len(before)} queries of {name}, up to {GAINS} whose {task.metadata.main_score} rose most "
        f"and up to {LOSSES} whose fell most from the reference to the best model; of equal ones the "
        "first. "
        f"Found among all {len(search.documents)} documents of the task."
    )
    return Neighbours(name, rule, queries)


def choose(before: Mapping[str, float], after: Mapping[str, float]) -> list[tuple[str, str]]:
    """(query, group): the largest gains, then the largest losses; changes of nothing are left out."""
    change = {query: after[query] - before[query] for query in before if query in after}
    up = sorted((q for q in change if change[q] > 0), key=lambda q: -change[q])[:GAINS]
    down = sorted((q for q in change if change[q] < 0), key=lambda q: change[q])[:LOSSES]
    return [(query, "gained most") for query in up] + [(query, "lost most") for query in down]


def _by_query(samples: Samples, search: SearchTexts) -> dict[str, float]:
    rows = zip(samples.ids, samples.parts, samples.values, strict=True)
    return {key: float(v) for key, part, v in rows if part == search.part and search.right.get(key)}


def _found(
    task: Any, search: SearchTexts, encoders: Encoders, model: str, queries: Sequence[str]
) -> dict[str, tuple[int, tuple[Hit, ...]]]:
    keys = list(search.documents)
    documents_ND = encoders.encode(model, task, [search.documents[key] for key in keys], as_queries=False)
    queries_QD = encoders.encode(model, task, [search.queries[query] for query in queries], as_queries=True)
    found = {}
    for query, similarity_N in zip(queries, queries_QD @ documents_ND.T, strict=True):
        order = np.argsort(-similarity_N, kind="stable")
        right = search.right[query]
        hits = tuple(
            Hit(_clipped(search.documents[keys[i]]), float(similarity_N[i]), keys[i] in right)
            for i in order[:TOP]
        )
        rank = next(place for place, i in enumerate(order, 1) if keys[i] in right)
        found[query] = rank, hits
    return found


def _clipped(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + " …"
