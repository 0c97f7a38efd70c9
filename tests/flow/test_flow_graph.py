"""Counting, weighing and pruning of flows, on graphs that can be worked out by hand."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

from embedworks.flow.graph import END, START, FlowGraph, count_flow, happy_path, prune, prune_nodes
from embedworks.flow.graphml import graphml
from embedworks.flow.steps import Step

ABC = [["A", "B", "C"]] * 9 + [["A", "C"]]


def speaker(key: str) -> str:
    return key[0]


@pytest.mark.parametrize(("policy", "expected"), [("max-out", 1 / 9), ("prob-out", 0.1), ("max", 0.1)])
def test_weights_of_the_hand_example(policy, expected):
    # From A: to B 9 times, to C once. max-out 1/9; prob-out 1/10; the most frequent edges (start to A, C
    # to end) come 10 times.
    assert count_flow(ABC, policy).edge_weights["A", "C"] == pytest.approx(expected)


def test_the_hand_example_is_pruned_at_a_fifth():
    pruned = prune(count_flow(ABC))
    assert set(pruned.edge_counts) == {(START, "A"), ("A", "B"), ("B", "C"), ("C", END)}
    assert ("A", "C") in prune(count_flow(ABC), edge_threshold=0.1).edge_counts


def test_rare_nodes_go_and_what_hung_on_them():
    # R is said once in 100: 0.01 < 0.023. S comes after it alone, and is not reached.
    graph = prune(count_flow([["A", "B"]] * 99 + [["A", "R", "S", "S"]]))
    assert set(graph.node_counts) == {START, END, "A", "B"}


def test_self_loops_go_after_weights_are_taken():
    paths = [["A"] * 12 + ["B"]] * 2 + [["A", "C"]]
    # From A to A 22 times, to B 2, to C 1. B has 2 / 22 = .09, and is pruned with C; had the
    # loop gone first, it would have 2 / 2.
    assert set(prune(count_flow(paths)).node_counts) == {START, END}
    kept = prune(count_flow(paths), edge_threshold=0.05, node_threshold=0)
    assert ("A", "A") not in kept.edge_counts
    assert kept.edge_weights["A", "B"] == 1  # weighted anew


def test_the_happy_path_has_the_widest_narrow_place_and_no_speaker_twice():
    paths = [["u1", "s1", "u3"]] * 6 + [["u1", "s2", "u3"]] * 4 + [["u1", "u3"]] * 9
    graph = prune_nodes(count_flow(paths, "max"))
    # u1 to u3 comes 9 times, the most, but both are the user's.
    assert happy_path(graph, speaker) == [START, "u1", "s1", "u3", END]
    assert happy_path(count_flow([["u1", "u2"]]), speaker) == []


def test_the_happy_path_takes_the_largest_least_weight_and_not_the_largest_product():
    # Over b and c the least weight is .5, the product .125; past them .4 and .4.
    weights = {(START, "a"): 1.0, ("a", "b"): 0.5, ("b", "c"): 0.5, ("c", END): 0.5, ("a", END): 0.4}
    assert happy_path(FlowGraph({}, weights, {}, weights), lambda key: key) == [START, "a", "b", "c", END]


# -- the same steps by networkx, on random dialogs -------------------------------------------------------


def random_dialogs(seed: int) -> list[list[str]]:
    """A few common steps and many rare ones; some follow themselves."""
    rng = np.random.default_rng(seed)
    likely = np.geomspace(1, 0.002, 14)
    return [
        [f"{'us'[n % 2]}{n}" for n in rng.choice(14, rng.integers(1, 7), p=likely / likely.sum())]
        for _ in range(60)
    ]


def weigh_edges(drawn: nx.DiGraph, policy: str) -> None:
    every = [data["fr"] for *_, data in drawn.edges(data=True)]
    for source, _, data in drawn.edges(data=True):
        own = [other["fr"] for *_, other in drawn.out_edges(source, data=True)]
        data["weight"] = data["fr"] / {"max": max(every), "max-out": max(own), "prob-out": sum(own)}[policy]


def keep_paths(drawn: nx.DiGraph) -> None:
    between = nx.descendants(drawn, START) & nx.ancestors(drawn, END)
    drawn.remove_nodes_from(set(drawn) - between - {START, END})


def by_networkx(paths: list[list[str]], policy: str) -> tuple[nx.DiGraph, nx.DiGraph]:
    """Without rare nodes; without rare edges as well and weighed anew."""
    drawn, said = nx.DiGraph(), Counter(step for path in paths for step in path)
    drawn.add_nodes_from([START, END])
    for pair in (pair for path in paths for pair in pairwise([START, *path, END])):
        count = drawn.edges[pair]["fr"] if drawn.has_edge(*pair) else 0
        drawn.add_edge(*pair, fr=count + 1)
    weigh_edges(drawn, policy)
    drawn.remove_edges_from(list(nx.selfloop_edges(drawn)))
    drawn.remove_nodes_from([step for step, n in said.items() if n / max(said.values()) < 0.023])
    keep_paths(drawn)
    common = drawn.copy()
    drawn.remove_edges_from([(a, b) for a, b, weight in drawn.edges(data="weight") if weight < 0.2])
    keep_paths(drawn)
    weigh_edges(drawn, policy)
    return common, drawn


@pytest.mark.parametrize("policy", ["max", "max-out", "prob-out"])
@pytest.mark.parametrize("seed", range(5))
def test_pruned_graphs_are_those_of_networkx(policy, seed):
    paths = random_dialogs(seed)
    whole = count_flow(paths, policy)
    found, (common, expected) = prune(whole, policy), by_networkx(paths, policy)
    assert set(found.node_counts) == set(expected) < set(whole.node_counts)
    assert found.edge_weights == pytest.approx({(a, b): w for a, b, w in expected.edges(data="weight")})
    common.remove_edges_from([(a, b) for a, b in common.edges if a[0] == b[0] and {a, b} != {START, END}])
    widest = max(
        min(common.edges[pair]["weight"] for pair in pairwise(path))
        for path in nx.all_simple_paths(common, START, END)
    )
    happy = happy_path(prune_nodes(whole), speaker)
    assert min(whole.edge_weights[pair] for pair in pairwise(happy)) == pytest.approx(widest)
    assert all(speaker(a) != speaker(b) for a, b in pairwise(happy[1:-1]))


def test_graphml_opens_in_networkx():
    steps = {key: Step(key, "user", f"say {key} & more", 1) for key in "ABC"}
    found = nx.parse_graphml(graphml(count_flow(ABC), steps))
    assert found.nodes["A"]["name"] == "say A & more"
    assert found.edges["A", "B"]["count"] == 9
    assert set(found.nodes) == {START, END, "A", "B", "C"}
