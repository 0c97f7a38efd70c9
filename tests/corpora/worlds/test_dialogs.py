from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.recipes import recipe_options
from embedworks.corpora.worlds import dialogs
from embedworks.corpora.worlds._dialogs.automaton import END, START, State, read_script, speak, walk
from embedworks.corpora.worlds._dialogs.values import Pools
from embedworks.errors import InputError

DOMAINS = {one.NAME: dialogs.read_domain(one) for one in (*dialogs.SEEN, *dialogs.UNSEEN)}


@pytest.fixture(scope="module")
def rows():
    world = dialogs.World(dialogs.Options())
    return {split: [world.row(split, index) for index in range(480)] for split in dialogs.SPLITS}


def turns(rows):
    return [turn for row in rows for turn in row["turns"]]


def key(turn):
    return f"{turn['speaker']}: {turn['action']}"


def test_every_dialog_is_a_path_of_its_automaton(rows):
    for split in rows.values():
        for row in split:
            edges = {(edge["source"], edge["target"]) for edge in row["automaton"]}
            path = [START, *map(key, row["turns"]), END]
            assert set(pairwise(path)) <= edges
            assert len(row["turns"]) <= dialogs.LONGEST
            assert [turn["speaker"] for turn in row["turns"]] == (["user", "system"] * 20)[
                : len(row["turns"])
            ]


def test_edges_are_taken_as_often_as_their_probability_says(rows):
    taken = Counter(edge for row in rows["test"] for edge in pairwise(map(key, row["turns"])))
    left = Counter()
    for (source, _), count in taken.items():
        left[source] += count
    checked = 0
    for domain in ("courier", "florist", "hosting"):
        others = {node for name, one in DOMAINS.items() if name != domain for node in one.nodes}
        for edge in DOMAINS[domain].edges:
            source, target, p = edge.values()
            if source not in others and left[source] >= 50:
                error = 4 * (p * (1 - p) / left[source]) ** 0.5
                assert taken[source, target] / left[source] == pytest.approx(p, abs=error + 1e-9)
                checked += 1
    assert checked > 5


@pytest.mark.parametrize("name", DOMAINS)
def test_an_automaton_has_ten_to_twenty_actions_a_speaker_and_no_dead_end(name):
    nodes = DOMAINS[name].nodes
    speakers = Counter(node.speaker for node in nodes.values() if node.speaker)
    assert all(10 <= count <= 20 for count in speakers.values())
    assert set(speakers) == {"user", "system"}
    assert _reached({node.key: node.targets for node in nodes.values()}, START) == {*nodes, END}
    back: dict[str, list[str]] = {}
    for node in nodes.values():
        assert sum(node.shares) == pytest.approx(1)
        for target in node.targets:
            back.setdefault(target, []).append(node.key)
    assert _reached(back, END) == {*nodes, END}
    assert any(len(node.targets) > 1 for node in nodes.values())


def _reached(steps, start):
    found, waiting = {start}, [start]
    while waiting:
        new = set(steps.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("name", DOMAINS)
def test_an_action_has_six_to_ten_wordings_that_name_the_same_slots(name):
    for node in DOMAINS[name].nodes.values():
        if node.speaker:
            assert 6 <= len(set(node.texts)) == len(node.texts) <= 10, node.key
            named = {frozenset(re.findall(r"\{(\w+)\}", text)) for text in node.texts}
            assert named == {frozenset(node.valued)}, node.key
            assert set(node.valued) <= set(DOMAINS[name].values)
            assert not ("request" in node.acts and node.valued)


def test_no_two_actions_share_a_wording_in_any_domain():
    wordings = Counter(
        " ".join(re.findall(r"[a-z0-9'?{}]+", text.lower()))
        for domain in DOMAINS.values()
        for node in domain.nodes.values()
        for text in node.texts
    )
    assert wordings.most_common(1)[0][1] == 1
    assert len(wordings) > 1500


def test_no_text_territory_or_package_of_a_test_dialog_is_in_train(rows):
    seen, unseen = ({turn["text"] for turn in turns(rows[split])} for split in ("train", "test"))
    assert not seen & unseen
    train, test = Pools(held_out=False), Pools(held_out=True)
    assert not set(train.territories) & set(test.territories)
    assert not set(train.packages) & set(test.packages)
    assert len(test.territories) > 40
    assert {row["domain"] for row in rows["test"]} == {"courier", "florist", "hosting"}
    assert {row["domain"] for row in rows["validation"]} == {row["domain"] for row in rows["train"]}


def test_acts_and_slots_are_shared_by_the_domains():
    seen, unseen = (
        [node for one in modules for node in DOMAINS[one.NAME].nodes.values() if node.speaker]
        for modules in (dialogs.SEEN, dialogs.UNSEEN)
    )
    assert {act for node in unseen for act in node.acts} <= {act for node in seen for act in node.acts}
    assert {slot for node in unseen for slot in node.slots} <= {
        slot for node in seen for slot in node.slots
    }
    known = {node.key for node in seen}
    assert sum(node.key in known for node in unseen) > 0.8 * len(unseen)


def test_a_turn_names_its_values_and_the_state_keeps_them(rows):
    for row in rows["train"] + rows["test"]:
        for turn in row["turns"]:
            state = {pair["name"]: pair["value"] for pair in turn["state"]}
            assert turn["action"] == " ".join(
                [", ".join(turn["acts"]), *(s["name"] for s in turn["slots"])]
            )
            for slot in turn["slots"]:
                if slot["value"] is not None:
                    assert slot["value"].lower() in turn["text"].lower()
                    assert state[slot["name"]] == slot["value"]
            assert len(set(state.values())) == len(state)
            assert "{" not in turn["text"]


def test_nobody_asks_for_what_was_said_or_confirms_what_was_not(rows):
    for row in rows["train"] + rows["test"]:
        known: set[str] = set()
        for turn in row["turns"]:
            for slot in turn["slots"]:
                if turn["speaker"] == "system" and turn["acts"] == ["request"]:
                    assert slot["name"] not in known, row["id"]
                if {"confirm", "accept", "reject"} & set(turn["acts"]) and slot["value"]:
                    assert slot["name"] in known, row["id"]
            known |= {pair["name"] for pair in turn["state"]}


def test_a_row_depends_on_its_number_alone(rows):
    world = dialogs.World(dialogs.Options())
    for split in ("test", "train"):
        assert [world.row(split, index) for index in (41, 7)] == [rows[split][index] for index in (41, 7)]
    other = dialogs.World(dialogs.Options(seed=1)).row("train", 0)
    assert other["turns"] != rows["train"][0]["turns"]
    assert other["domain"] == rows["train"][0]["domain"]
    train, validation = ({str(row["turns"]) for row in rows[split]} for split in ("train", "validation"))
    assert not train & validation


def test_rows_fit_the_schema_and_ids_are_unique(rows):
    for split in rows.values():
        table = pa.Table.from_pylist(split[:30], schema=dialogs.SCHEMA)
        assert table.to_pylist() == split[:30]
    assert len({row["id"] for split in rows.values() for row in split}) == 3 * 480


def test_options():
    assert dialogs.Options().rows == {"train": 2400, "validation": 240, "test": 600}
    assert dialogs.Options(validation=0, test=0).rows == {"train": 2400}
    with pytest.raises(InputError, match="did you mean 'validation'"):
        recipe_options("dialogs", {"valid": 3})


SCRIPT = """
start
> user inform kind 3, user ask+greet

user inform kind
> system offer kind
    a {kind}, please. it is for me.

user ask+greet
> end
    hello?

system offer kind
> user inform kind 9, end
    An {kind}?
"""


def test_a_script_is_read_with_weights_and_several_acts():
    nodes = read_script(SCRIPT)
    assert list(nodes) == [START, "user: inform kind", "user: ask, greet", "system: offer kind"]
    assert nodes[START].shares == (0.75, 0.25)
    assert nodes["user: ask, greet"].targets == (END,)
    assert nodes["system: offer kind"].targets == ("user: inform kind", END)


def test_a_path_that_is_too_long_is_drawn_again():
    nodes = read_script(SCRIPT)
    lengths = [len(walk(nodes, np.random.default_rng(seed), 3)) for seed in range(300)]
    assert set(lengths) == {1, 2}


def test_an_offer_replaces_what_was_said_and_forgets_what_described_the_last_one():
    nodes = read_script(SCRIPT + "\nsystem inform size\n> end\n    {size}\n")
    state = State({"kind": ("owl", "fox"), "size": ("small", "large")})
    rng = np.random.default_rng(0)
    state.fill(nodes["user: inform kind"], rng)
    first = dict(state.known)
    state.fill(nodes["user: inform kind"], rng)
    assert state.known == first
    state.fill(nodes["system: inform size"], rng)
    assert set(state.known) == {"kind", "size"}
    state.fill(nodes["system: offer kind"], rng)
    assert set(state.known) == {"kind"}
    assert state.known["kind"] != first["kind"]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("a {kind}, please. it is for me.", "owl", "An owl, please. It is for me."),
        ("take a {kind}", "unicorn", "Take a unicorn"),
        ("{kind}? a {kind}!", "fox", "Fox? A fox!"),
    ],
)
def test_articles_and_capitals_are_put_right(text, kind, said):
    assert speak(text, {"kind": kind}) == said
