"""Step sequences to a directed graph of how dialogs go: counted, weighted, pruned, with its happy path.

The order of things, and the thresholds, are those of build_graph.py of github.com/idiap/dialog2flow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from typing import Literal

START, END = "[start]", "[end]"
EdgeWeight = Literal["max", "max-out", "prob-out"]
Edge = tuple[str, str]

NODE_THRESHOLD = 0.023
EDGE_THRESHOLD = 0.2


@dataclass(frozen=True)
class FlowGraph:
    """Counts of nodes and edges, and weights that the counts were made into.

    Attributes:
        node_counts: Node -> times it was visited; start and end count once.
        edge_counts: (from, to) -> times.
        node_weights: Node -> count / largest count; 1 for start and end, which are not pruned.
        edge_weights: (from, to) -> weight by a policy.
    """

    node_counts: Mapping[str, float]
    edge_counts: Mapping[Edge, float]
    node_weights: Mapping[str, float]
    edge_weights: Mapping[Edge, float]

    def keep(self, nodes: Iterable[str], edges: Iterable[Edge] | None = None) -> FlowGraph:
        """The part with these nodes, and those of its edges that are between them and among ``edges``."""
        left = set(nodes)
        wanted = self.edge_counts.keys() if edges is None else set(edges)
        kept = [e for e in self.edge_counts if e in wanted and left >= set(e)]
        return FlowGraph(
            {node: count for node, count in self.node_counts.items() if node in left},
            {edge: self.edge_counts[edge] for edge in kept},
            {node: weight for node, weight in self.node_weights.items() if node in left},
            {edge: self.edge_weights[edge] for edge in kept},
        )


def count_flow(paths: Iterable[Sequence[str]], policy: EdgeWeight = "max-out") -> FlowGraph:
    """The graph of step sequences, weighted and not yet pruned.

    Args:
        paths: One sequence of step keys a dialog, without start and end.
        policy: See :func:`edge_weights`.
    """
    nodes, edges = Counter[str](), Counter[Edge]()
    for path in paths:
        nodes.update(path)
        edges.update(pairwise([START, *path, END]))
    return weigh({START: 1, END: 1, **nodes}, edges, policy)


def weigh(nodes: Mapping[str, float], edges: Mapping[Edge, float], policy: EdgeWeight) -> FlowGraph:
    """Weights of counts."""
    inner = [count for node, count in nodes.items() if node not in (START, END)]
    largest = max(inner, default=1)
    weights = {node: 1.0 if node in (START, END) else count / largest for node, count in nodes.items()}
    return FlowGraph(dict(nodes), dict(edges), weights, edge_weights(edges, policy))


def edge_weights(counts: Mapping[Edge, float], policy: EdgeWeight) -> dict[Edge, float]:
    """``max``: count / largest; ``max-out``: / largest from the same node; ``prob-out``: / their sum."""
    group: Callable[[Edge], str] = (lambda _edge: "") if policy == "max" else (lambda edge: edge[0])
    siblings: dict[str, list[float]] = {}
    for edge, count in counts.items():
        siblings.setdefault(group(edge), []).append(count)
    total = sum if policy == "prob-out" else max
    return {edge: count / total(siblings[group(edge)]) for edge, count in counts.items()}


def prune(
    graph: FlowGraph,
    policy: EdgeWeight = "max-out",
    *,
    node_threshold: float = NODE_THRESHOLD,
    edge_threshold: float = EDGE_THRESHOLD,
) -> FlowGraph:
    """What is left without rare nodes and edges, with its edges weighted anew.

    Weights are taken before anything goes. Then self loops go, nodes below their threshold, edges below
    theirs, and after each of these two whatever lies on no path from start to end.
    """
    common = prune_edges(prune_nodes(graph, node_threshold), edge_threshold)
    return FlowGraph(
        common.node_counts,
        common.edge_counts,
        common.node_weights,
        edge_weights(common.edge_counts, policy),
    )


def prune_nodes(graph: FlowGraph, threshold: float = NODE_THRESHOLD) -> FlowGraph:
    """Without self loops, nodes below the threshold, and what is on no path from start to end."""
    loops = {edge for edge in graph.edge_counts if edge[0] == edge[1]}
    common = [node for node, weight in graph.node_weights.items() if weight >= threshold]
    return on_paths(graph.keep(common, graph.edge_counts.keys() - loops))


def prune_edges(graph: FlowGraph, threshold: float = EDGE_THRESHOLD) -> FlowGraph:
    """Without edges below the threshold, and what is then on no path from start to end."""
    common = [edge for edge, weight in graph.edge_weights.items() if weight >= threshold]
    return on_paths(graph.keep(graph.node_counts, common))


def on_paths(graph: FlowGraph) -> FlowGraph:
    """The nodes that the start leads to and that lead to the end; both of these stay in any case."""
    ahead = reachable(START, graph.edge_counts)
    behind = reachable(END, [(target, source) for source, target in graph.edge_counts])
    return graph.keep((ahead & behind) | {START, END})


def reachable(first: str, edges: Iterable[Edge]) -> set[str]:
    """All nodes that edges lead to from a node, itself among them."""
    targets: dict[str, list[str]] = {}
    for source, target in edges:
        targets.setdefault(source, []).append(target)
    seen, waiting = {first}, [first]
    while waiting:
        new = [target for target in targets.get(waiting.pop(), ()) if target not in seen]
        seen.update(new)
        waiting += new
    return seen


def happy_path(graph: FlowGraph, speaker_of: Callable[[str], str]) -> list[str]:
    """The path from start to end whose least edge weight is largest; empty where there is none.

    Edges between two steps of one speaker are left out first. Of equal paths the shorter is taken.

    Args:
        graph: Before its edges are pruned.
        speaker_of: Key of a step -> its speaker; not asked of start and end.
    """
    targets: dict[str, list[tuple[str, float]]] = {}
    for (source, target), weight in graph.edge_weights.items():
        ends = {START, END} & {source, target}
        if ends or speaker_of(source) != speaker_of(target):
            targets.setdefault(source, []).append((target, weight))
    queue: list[tuple[float, int, list[str]]] = [(-1.0, 1, [START])]
    done: set[str] = set()
    while queue:
        least, length, path = heappop(queue)
        if path[-1] == END:
            return path
        if path[-1] not in done:
            done.add(path[-1])
            for target, weight in targets.get(path[-1], ()):
                if target not in done:
                    heappush(queue, (max(least, -weight), length + 1, [*path, target]))
    return []
