"""Tasks of texts that mteb has no kind for: few labelled utterances, and flows of dialogs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.evaluation.image_tasks import Outcome, Vectors, normalised
from embedworks.evaluation.local import data_digest
from embedworks.flow.graph import END, START, Edge, FlowGraph, count_flow, prune, weigh
from embedworks.flow.steps import Turn, find_steps

Encode = Callable[[Sequence[str]], Vectors]
Labels = NDArray[np.str_]

DRAWS = 10  # of labelled texts, as in the official evaluation of Dialog2Flow
SEED = 13
RANKED = 10

# Shape legend: N texts, C classes, d dimensions.


class TextTask(ABC):
    """A task of texts, made from a corpus.

    Attributes:
        name: The name that a job uses.
        metric: What the main number is; larger is better.
    """

    name: str
    metric: str

    @property
    @abstractmethod
    def sentences(self) -> Sequence[str]:
        """Texts that it asks about, and that training must not have seen."""

    @property
    def digest(self) -> str:
        """Changes when a text, a label or their order does."""
        return data_digest(vars(self))

    @abstractmethod
    def score(self, encode: Encode) -> Outcome:
        """Score what turns texts into ``(N, d)`` vectors."""


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
        rows = [self._domain(encode, pairs) for pairs in self.domains.values()]
        found = {key: [row[key] for row in rows if not np.isnan(row[key])] for key in rows[0]}
        numbers = {key: float(np.mean(values)) for key, values in found.items() if values}
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


@dataclass(frozen=True)
class DialogFlow(TextTask):
    """Draw the flow graph of dialogs, with as many clusters of a speaker as it has actions.

    Attributes:
        domains: Domain -> dialogs of (speaker, text, action).
        automata: Domain -> (from, to, probability); nodes are ``speaker: action``.
    """

    name: str
    domains: Mapping[str, Sequence[Sequence[tuple[str, str, str]]]]
    automata: Mapping[str, Sequence[tuple[str, str, float]]]
    metric: str = "edge_f1"

    @property
    def sentences(self) -> Sequence[str]:
        """All utterances."""
        return [text for dialogs in self.domains.values() for d in dialogs for _, text, _ in d]

    def score(self, encode: Encode) -> Outcome:
        """F1 of the graph's edges, where a cluster counts as its most frequent action.

        Beside it ``size_difference``: |nodes - true nodes| / true nodes, the truth drawn and pruned alike.
        """
        rows = [self._domain(encode, name) for name in self.domains]
        numbers = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        return Outcome(numbers.pop(self.metric), len(self.sentences), numbers, {})

    def _domain(self, encode: Encode, name: str) -> dict[str, float]:
        dialogs = self.domains[name]
        turns = [Turn(speaker, text) for dialog in dialogs for speaker, text, _ in dialog]
        truth = [f"{speaker}: {action}" for dialog in dialogs for speaker, _, action in dialog]
        speakers = {turn.speaker for turn in turns}
        actions = {
            s: len({a for t, a in zip(turns, truth, strict=True) if t.speaker == s}) for s in speakers
        }
        keys, _ = find_steps(turns, encode([turn.text for turn in turns]), clusters=actions)
        found, real = (prune(count_flow(split(path, dialogs))) for path in (keys, truth))
        nodes, true_nodes = len(found.node_counts), len(real.node_counts)
        return {
            "edge_f1": f1_of_sets(mapped_edges(found, majority(keys, truth)), self._edges(name)),
            "size_difference": abs(nodes - true_nodes) / true_nodes,
            "nodes": float(nodes),
            "true_nodes": float(true_nodes),
        }

    def _edges(self, name: str) -> set[Edge]:
        """Edges of the automaton that pruning at the same threshold leaves."""
        edges = {(source, target): share for source, target, share in self.automata[name]}
        nodes = dict.fromkeys((node for edge in edges for node in edge), 1.0)
        return set(prune(weigh(nodes, edges, "max-out")).edge_counts)


def split(keys: Sequence[str], dialogs: Sequence[Sequence[Any]]) -> list[list[str]]:
    """Keys of all utterances, by dialog."""
    waiting = iter(keys)
    return [[next(waiting) for _ in dialog] for dialog in dialogs]


def majority(keys: Sequence[str], truth: Sequence[str]) -> dict[str, str]:
    """Cluster -> its most frequent action; start and end are themselves."""
    counts: dict[str, dict[str, int]] = {}
    for key, action in zip(keys, truth, strict=True):
        own = counts.setdefault(key, {})
        own[action] = own.get(action, 0) + 1
    return {key: max(own, key=lambda a: own[a]) for key, own in counts.items()} | {START: START, END: END}


def mapped_edges(graph: FlowGraph, names: Mapping[str, str]) -> set[Edge]:
    """A graph's edges between actions; two clusters of one action are one node, without a loop."""
    edges = {(names[source], names[target]) for source, target in graph.edge_counts}
    return {edge for edge in edges if edge[0] != edge[1]}


def f1_of_sets(found: set[Edge], true: set[Edge]) -> float:
    """2 |found and true| / (|found| + |true|)."""
    total = len(found) + len(true)
    return 2 * len(found & true) / total if total else 0.0
