"""Flow graphs against their automata, on vectors that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.evaluation.dialog_flow import DialogFlow

DIALOG = [("user", "a", "ask"), ("system", "b", "tell"), ("user", "c", "thank")]
AUTOMATON = [
    ("[start]", "user: ask", 1.0),
    ("user: ask", "system: tell", 1.0),
    ("system: tell", "user: thank", 1.0),
    ("user: thank", "[end]", 1.0),
]


BRANCH = [
    *AUTOMATON[:2],
    ("system: tell", "user: thank", 0.5),
    ("system: tell", "user: complain", 0.5),
    ("user: complain", "[end]", 1.0),
    AUTOMATON[3],
]
VECTORS = {"a": [1, 0, 0], "b": [0, 1, 0], "c": [0, 0, 1], "near a": [1, 0.01, 0]}


def score(dialogs, automaton=AUTOMATON):
    task = DialogFlow("t", {"x": dialogs}, {"x": automaton})
    return task.score(lambda texts: np.array([VECTORS[text] for text in texts], np.float32))


def test_a_flow_is_right_where_actions_are_apart():
    found = score([DIALOG] * 3)
    assert found.value == found.others["edge_f1_of_truth"] == 1
    assert (found.others["size_difference"], found.others["true_nodes"], found.n) == (0, 5, 9)


def test_a_cluster_of_two_actions_counts_as_the_more_frequent_one():
    # Two of three thanks are said nearly as what is asked: the user's clusters are {ask x 3, thank x 2},
    # which counts as ask, and {thank}. Edges: start-ask, ask-tell, tell-ask, tell-thank, ask-end and
    # thank-end, among them all 4 of the automaton: F1 = 2 * 4 / (6 + 4).
    mixed = [*DIALOG[:2], ("user", "near a", "thank")]
    found = score([mixed, mixed, DIALOG])
    assert found.value == pytest.approx(0.8)
    assert found.others["size_difference"] == 0


def test_clusters_of_one_name_are_one_node_too_few():
    # The user says the same for both actions: 4 nodes of 5, with start-ask, ask-tell, tell-ask and ask-end,
    # of which the automaton has two: F1 = 2 * 2 / (4 + 4).
    found = score([[*DIALOG[:2], ("user", "a", "thank")]] * 3)
    assert found.value == pytest.approx(0.5)
    assert found.others["size_difference"] == pytest.approx(1 / 5)


def test_what_nobody_says_is_missed_by_the_truth_as_well():
    # The automaton has 6 edges, 4 of which the dialogs go: F1 = 2 * 4 / (4 + 6).
    found = score([DIALOG] * 3, BRANCH)
    assert found.value == found.others["edge_f1_of_truth"] == pytest.approx(0.8)


def test_no_dialogs_are_refused():
    with pytest.raises(InputError, match="task 't' finds no test dialogs"):
        DialogFlow("t", {}, {}).score(lambda texts: np.zeros((len(texts), 2), np.float32))
