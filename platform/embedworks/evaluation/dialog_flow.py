"""Flow graphs of dialogs, against the automata that these walk through (Dialog2Flow, arXiv 2410.18481)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedworks.errors import InputError
from embedworks.evaluation.image_tasks import Outcome
from embedworks.evaluation.text_tasks import Encode, TextTask
from embedworks.flow.graph import END, START, Edge, FlowGraph, count_flow, prune, weigh
from embedworks.flow.steps import Turn, find_steps


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

        Beside it ``size_difference``, |nodes - true nodes| / true nodes with the truth drawn and pruned
        alike, and ``edge_f1_of_truth``, which the dialogs' true actions would get: rare steps are pruned.

        Raises:
            InputError: if there are no dialogs.
        """
        rows = [self._domain(encode, name) for name in self.domains]
        if not rows:
            raise InputError(f"task {self.name!r} finds no test dialogs in its corpus")
        numbers = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        return Outcome(numbers.pop(self.metric), len(self.sentences), numbers, {})

    def _domain(self, encode: Encode, name: str) -> dict[str, float]:
        dialogs = self.domains[name]
        turns = [Turn(speaker, text) for dialog in dialogs for speaker, text, _ in dialog]
        truth = [f"{speaker}: {action}" for dialog in dialogs for speaker, _, action in dialog]
        actions = {turn.speaker: set[str]() for turn in turns}
        for turn, action in zip(turns, truth, strict=True):
            actions[turn.speaker].add(action)
        clusters = {speaker: len(own) for speaker, own in actions.items()}
        keys, _ = find_steps(turns, encode([turn.text for turn in turns]), clusters=clusters)
        found, real = (prune(count_flow(split(path, dialogs))) for path in (keys, truth))
        nodes, true_nodes, true_edges = len(found.node_counts), len(real.node_counts), self._edges(name)
        return {
            "edge_f1": f1_of_sets(mapped_edges(found, majority(keys, truth)), true_edges),
            "edge_f1_of_truth": f1_of_sets(set(real.edge_counts), true_edges),
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
    counts: dict[str, Counter[str]] = {}
    for key, action in zip(keys, truth, strict=True):
        counts.setdefault(key, Counter())[action] += 1
    return {key: own.most_common(1)[0][0] for key, own in counts.items()} | {START: START, END: END}


def mapped_edges(graph: FlowGraph, names: Mapping[str, str]) -> set[Edge]:
    """A graph's edges between actions; two clusters of one action are one node, without a loop."""
    edges = {(names[source], names[target]) for source, target in graph.edge_counts}
    return {edge for edge in edges if edge[0] != edge[1]}


def f1_of_sets(found: set[Edge], true: set[Edge]) -> float:
    """2 |found and true| / (|found| + |true|)."""
    total = len(found) + len(true)
    return 2 * len(found & true) / total if total else 0.0
