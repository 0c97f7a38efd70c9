"""Utterances to steps of a flow: average-linkage clusters of their vectors, for each speaker apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]

# Shape legend: N utterances, D width, K clusters.


@dataclass(frozen=True)
class Turn:
    """One utterance of a dialog."""

    speaker: str
    text: str


@dataclass(frozen=True)
class Step:
    """A cluster of utterances of one speaker.

    Attributes:
        key: ``speaker: number``, the number by first appearance.
        speaker: Whose.
        name: The utterance nearest to the centroid.
        size: Utterances in it.
    """

    key: str
    speaker: str
    name: str
    size: int


def unit_rows(vectors_ND: Floats) -> NDArray[np.float64]:
    """Unit vectors; one of zeros, which has no direction, becomes the first axis."""
    vectors = np.array(vectors_ND, np.float64)
    vectors[~vectors.any(axis=1), 0] = 1
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def cluster(vectors_ND: Floats, *, threshold: float | None = None, clusters: int | None = None) -> Ints:
    """Agglomerative clusters, average linkage over cosine distances: ``(N,)`` numbers by first appearance.

    Args:
        vectors_ND: One row an utterance, of any length.
        threshold: Clusters at this distance or farther apart stay apart.
        clusters: How many there shall be, 1 or more, instead; N where there are no more utterances.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    if (threshold is None) == (clusters is None):
        raise ValueError("either threshold or clusters")
    count = len(vectors_ND)
    if count < 2:
        return np.zeros(count, np.int64)
    unit_ND = unit_rows(vectors_ND)
    distances_NN = np.maximum(1 - unit_ND @ unit_ND.T, 0)
    merges = linkage(squareform(distances_NN, checks=False), "average")  # the nearest first
    # scipy's own cuts join what is at the threshold, and make too few clusters where distances are equal.
    joined = max(0, count - clusters) if clusters else int(np.searchsorted(merges[:, 2], threshold or 0))
    root = np.arange(2 * count - 1)
    for number in reversed(range(joined)):  # a merge's own root is that of a later one
        root[merges[number, :2].astype(int)] = root[count + number]
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(one, len(numbers)) for one in root[:count].tolist()], np.int64)


def find_steps(
    turns: Sequence[Turn],
    vectors_ND: Floats,
    *,
    threshold: float | None = None,
    clusters: int | Mapping[str, int] | None = None,
) -> tuple[list[str], dict[str, Step]]:
    """The step of each utterance, and the steps by key. Speakers never share one.

    A step is named by the utterance nearest to its centroid; steps of one speaker with equal names become
    one.

    Args:
        turns: N utterances.
        vectors_ND: Their vectors.
        threshold: See :func:`cluster`.
        clusters: Of each speaker, or speaker -> how many.
    """
    keys: list[str] = [""] * len(turns)
    steps: dict[str, Step] = {}
    for speaker in dict.fromkeys(turn.speaker for turn in turns):
        mine = [number for number, turn in enumerate(turns) if turn.speaker == speaker]
        wanted = clusters.get(speaker) if isinstance(clusters, Mapping) else clusters
        unit_ND = unit_rows(vectors_ND[mine])
        labels_N = cluster(unit_ND, threshold=threshold, clusters=wanted)
        for name, places in _named(labels_N, unit_ND, [turns[i].text for i in mine]).items():
            key = f"{speaker}: {sum(step.speaker == speaker for step in steps.values())}"
            steps[key] = Step(key, speaker, name, len(places))
            for place in places:
                keys[mine[place]] = key
    return keys, steps


def _named(labels_N: Ints, unit_ND: Floats, texts: Sequence[str]) -> dict[str, list[int]]:
    """Name -> places of the utterances of all clusters with that name."""
    named: dict[str, list[int]] = {}
    for label in dict.fromkeys(labels_N.tolist()):
        places = np.flatnonzero(labels_N == label)
        nearest = places[int((unit_ND[places] @ unit_ND[places].mean(axis=0)).argmax())]
        named.setdefault(texts[nearest], []).extend(places.tolist())
    return named
