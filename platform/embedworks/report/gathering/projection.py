"""Texts of a task in the plane, as two models place them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedworks.evaluation.local import first_texts
from embedworks.report.data import EmbeddingMap, Panel, Points
from embedworks.report.gathering.texts import SearchTexts, labelled_texts, matched_texts
from embedworks.report.gathering.vectors import Encoders
from embedworks.vectors.plane import Plane, perplexity, plane, turned, within

MOST = 600
GROUPS = 8  # colours that can be told apart
LONGEST = 240
OTHER = "others"


def labelled_map(task: Any, encoders: Encoders) -> EmbeddingMap:
    """Texts of a task of classes, coloured by class: the most frequent ones, the others in grey."""
    rows = dict(labelled_texts(task))
    kept = first_texts(rows, MOST)
    frequent = [name for name, _ in Counter(rows[text] for text in kept).most_common(GROUPS)]
    names = sorted(frequent, key=lambda name: (len(name), name))
    names += [OTHER] if len(set(rows.values())) > len(names) else []
    groups = [names.index(rows[text]) if rows[text] in names else len(names) - 1 for text in kept]
    return _map(task, encoders, kept, [False] * len(kept), groups, names, [])


def paired_map(task: Any, search: SearchTexts | None, encoders: Encoders) -> EmbeddingMap:
    """Texts that belong together, joined: a query and a right document, or a text and its translation."""
    if search:
        names = ["query", "document that answers it"]
        pairs = [(search.queries[q], search.documents[min(r)]) for q, r in search.right.items() if r]
    else:
        names = ["text", "translation"]
        pairs = [(one, other) for _, one, other in matched_texts(task)]
    chosen = set(first_texts(dict.fromkeys(one for one, _ in pairs), MOST // 2))
    places: dict[tuple[int, str], int] = {}  # a document that answers several queries is one point
    mates = [
        (places.setdefault((0, one), len(places)), places.setdefault((1, other), len(places)))
        for one, other in pairs
        if one in chosen
    ]
    sides, texts = zip(*places, strict=True)
    return _map(task, encoders, texts, [side == 0 for side in sides], sides, names, mates)


def _map(
    task: Any,
    encoders: Encoders,
    texts: Sequence[str],
    as_queries: Sequence[bool],
    groups: Sequence[int],
    names: Sequence[str],
    mates: Sequence[tuple[int, int]],
) -> EmbeddingMap:
    panels: list[Panel] = []
    first_N2: Plane | None = None
    for model in encoders.models:
        vectors_ND = np.zeros((0, 0))
        for kind in (True, False):
            places = [i for i, one in enumerate(as_queries) if one is kind]
            if places:
                some = encoders.encode(model, task, [texts[i] for i in places], as_queries=kind)
                vectors_ND = vectors_ND if vectors_ND.size else np.zeros((len(texts), some.shape[1]))
                vectors_ND[places] = some
        places_N2 = plane(vectors_ND)
        places_N2 = places_N2 if first_N2 is None else turned(places_N2, first_N2)
        first_N2 = places_N2 if first_N2 is None else first_N2
        note = _apart(vectors_ND, mates) if mates else ""
        panels.append(Panel(model, _points(places_N2), note))
    how = (
        f"t-SNE (perplexity {perplexity(len(texts))}, cosine, fixed seed) of {len(texts)} texts of "
        f"{task.metadata.name}, each model by itself, the second turned onto the first: neighbourhoods "
        "mean something, axes and distances between far groups do not."
    )
    clipped = tuple(text if len(text) <= LONGEST else text[:LONGEST].rstrip() + " …" for text in texts)
    return EmbeddingMap(
        task.metadata.name, how, clipped, tuple(groups), tuple(names), tuple(mates), tuple(panels)
    )


def _points(places_N2: Plane) -> Points:
    return tuple((round(float(x), 4), round(float(y), 4)) for x, y in within(places_N2))


def _apart(vectors_ND: NDArray[np.floating[Any]], mates: Sequence[tuple[int, int]]) -> str:
    """How near pairs are, beside how near all are: what the picture can only hint at."""
    first, second = (vectors_ND[[pair[side] for pair in mates]] for side in (0, 1))
    similarity_PP = first @ second.T
    own = np.diagonal(similarity_PP)
    nearest = float(np.mean(own >= similarity_PP.max(axis=1)))
    means = f"mean cosine of pairs {own.mean():.2f}, of all {similarity_PP.mean():.2f}"
    return f"{means}; partner nearest {nearest:.0%}"
