"""Counting, weighing and pruning of flows, on graphs that can be worked out by hand."""

from __future__ import annotations

import networkx as nx
import pytest

from embedworks.flow.graph import END, START, count_flow, happy_path, prune, prune_nodes
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
    paths = [["a", "x1", "b"]] * 4 + [["a", "y1", "b"]] * 3
    paths += [["a", "z1"]] * 20
    paths += [["b", "z1"]] * 0
    graph = count_flow(paths, "max")
    assert happy_path(graph, lambda key: key) == [START, "a", "z1", END]


def test_graphml_opens_in_networkx():
    steps = {key: Step(key, "user", f"say {key} & more", 1) for key in "ABC"}
    found = nx.parse_graphml(graphml(count_flow(ABC), steps))
    assert found.nodes["A"]["name"] == "say A & more"
    assert found.edges["A", "B"]["count"] == 9
    assert set(found.nodes) == {START, END, "A", "B", "C"}
