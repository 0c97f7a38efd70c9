"""``POST /v1/tasks/dialog-flow``: what it asks of a model, and the graph that it makes of the vectors."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.flow.task import DEFAULT_DISTANCE, DIALOG_FLOW, FlowRequest, Utterance, answer, ask
from embedworks.task import Answer

VECTORS = {"hello": [1, 0, 0], "hi": [0.9, 0.1, 0], "which day?": [0, 1, 0], "monday": [0, 0, 1]}


def flow(**options):
    spoken = [("user", "Hello!"), ("system", "Which day?"), ("user", "Monday.")]
    brief = [("user", "Hi"), ("system", "Hello"), ("user", "Monday.")]
    wanted = [[Utterance(speaker=s, text=t) for s, t in dialog] for dialog in (spoken, spoken, brief)]
    request = FlowRequest(model="m", dialogs=wanted, **options)
    (asked,) = ask(request)
    vectors = np.array([VECTORS[text] for text in asked.input], np.float32)
    return answer(request, [Answer(vectors, prompt_tokens=7)])


def test_the_task_returns_the_graph():
    found = flow(threshold=0.5)
    assert {node.id: node.name for node in found.nodes} == {
        "[start]": "[start]",
        "[end]": "[end]",
        "user: 0": "Hello!",
        "system: 0": "Which day?",
        "user: 1": "Monday.",
        "system: 1": "Hello",
    }
    weights = {(edge.source, edge.target): edge.weight for edge in found.edges}
    assert weights["user: 0", "system: 0"] == 1
    assert weights["user: 0", "system: 1"] == 0.5  # once, against twice
    assert found.happy_path == ["[start]", "user: 0", "system: 0", "user: 1", "[end]"]
    assert found.trajectories[2] == ["[start]", "user: 0", "system: 1", "user: 1", "[end]"]
    assert found.usage.total_tokens == 7
    assert found.graphml is None


def test_users_and_systems_are_apart_even_with_the_same_words():
    nodes = {node.id: node for node in flow(threshold=0.5).nodes}
    assert (nodes["user: 0"].speaker, nodes["system: 1"].speaker) == ("user", "system")


def test_options_of_the_task():
    ids = {node.id for node in flow(clusters={"user": 1, "system": 1}).nodes}
    assert ids == {"[start]", "[end]", "user: 0", "system: 0"}
    assert "system: 1" not in {node.id for node in flow(threshold=0.5, edge_threshold=0.6).nodes}
    assert "system: 1" in {node.id for node in flow(threshold=0.5, edge_threshold=0.6, prune=False).nodes}
    shares = {(e.source, e.target): e.weight for e in flow(threshold=0.5, edge_weight="prob-out").edges}
    assert shares["user: 0", "system: 1"] == pytest.approx(1 / 3)
    assert "<graphml" in flow(graphml=True).graphml


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.5, "clusters": 2}, "either a threshold or clusters"),
        ({"clusters": {"user": 2}}, "no number of clusters for 'system'"),
        ({"clusters": {"usr": 2, "system": 1}}, "'usr' says nothing; did you mean 'user'?"),
    ],
)
def test_what_means_nothing_is_refused(options, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        flow(**options)
    assert caught.value.where == "clusters"


def test_too_many_utterances_are_refused():
    one = Utterance(speaker="user", text="x")
    with pytest.raises(InputError, match="2048"):
        ask(FlowRequest(model="m", dialogs=[[one] * 2049]))


def test_the_default_is_a_distance():
    # "hello" and "hi" are .006 apart, "hello" and "monday" 1.
    assert flow() == flow(threshold=DEFAULT_DISTANCE) != flow(threshold=0.001)


def test_the_example_is_one_that_it_reads():
    request = msgspec.convert(dict(DIALOG_FLOW.example), DIALOG_FLOW.request)
    assert ask(request)[0].input == ["i need a table for two", "at what time?", "at seven please"]
