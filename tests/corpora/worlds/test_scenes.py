"""The world of scenes: rows, splits and options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.drawings.emoji import all_emoji, held_out_bases
from embedworks.corpora.drawings.png import decode_png
from embedworks.corpora.recipes import recipe_options
from embedworks.corpora.worlds import scenes
from embedworks.errors import InputError


@lru_cache
def _world(**given: Any) -> scenes.World:
    return scenes.World(scenes.Options.model_validate(given))


def _rows(count: int = 20, split: str = "train", **given: Any) -> list[dict[str, Any]]:
    return [_world(**given).row(split, index) for index in range(count)]


def _objects(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for row in rows for each in row["objects"]]


def test_rows_have_the_columns_of_the_schema_and_names_of_their_own() -> None:
    rows = _rows(10, edits=True) + _rows(10, "test", edits=True)
    table = pa.Table.from_pylist(rows, schema=scenes.SCHEMA)
    assert table.to_pylist()[0].keys() == rows[0].keys() == scenes.COLUMNS.keys()
    assert len(set(table["id"].to_pylist())) == len(rows)
    for name in ("image", "mask", "caption", "objects", "questions", "label", "edited_image"):
        assert table[name].null_count == 0, name


def test_a_row_is_the_same_whatever_was_drawn_before() -> None:
    options = scenes.Options(kinds="both", patterns=True, states=True, background="any", edits=True)
    first, second = scenes.World(options), scenes.World(options)
    forwards = [first.row("train", index) for index in range(6)]
    backwards = [second.row("train", index) for index in reversed(range(6))]
    assert forwards == backwards[::-1]
    assert forwards[3] == first.row("train", 3)
    assert forwards[3]["image"] != first.row("test", 3)["image"]
    assert (
        scenes.World(options.model_copy(update={"seed": 1})).row("train", 3)["image"]
        != forwards[3]["image"]
    )


def test_a_plan_is_what_its_row_shows() -> None:
    world = _world()
    for index in range(10):
        planned = [thing.concept.name for thing in world.plan("test", index).things]
        assert planned == [each["name"] for each in world.row("test", index)["objects"]]


@pytest.mark.parametrize("theme", ["none", "topic"])
def test_no_train_scene_has_the_decisive_pair_of_a_test_scene(theme: str) -> None:
    world = _world(theme=theme, max_objects=5)
    together = set()
    for index in range(3000):
        names = sorted({thing.concept.name for thing in world.plan("train", index).things})
        together |= {(a, b) for a in names for b in names if a < b}
    decisive = Counter(
        tuple(sorted(thing.concept.name for thing in world.plan("test", index).things[:2]))
        for index in range(1000)
    )
    assert not together & decisive.keys()
    assert len(decisive) > 100


def test_names_of_test_pairs_are_all_known_from_train() -> None:
    world = _world(concepts=40)
    known = {thing.concept.name for index in range(1000) for thing in world.plan("train", index).things}
    tested = {thing.concept.name for index in range(500) for thing in world.plan("test", index).things}
    assert tested <= known


def test_held_out_objects_are_in_test_scenes_alone() -> None:
    world = _world(hold_out="objects", kinds="both")
    base = {emoji.hexcode: emoji.base for emoji in all_emoji()}
    held = held_out_bases(0)
    for index in range(2000):
        assert not {base[thing.concept.hexcode] for thing in world.plan("train", index).things} & held
        assert base[world.plan("test", index).things[0].concept.hexcode] in held


def test_novel_objects_are_marked_where_they_are_in_train_scenes() -> None:
    objects = _objects(_rows(60, hold_out="none"))
    held = held_out_bases(0)
    base = {emoji.hexcode: emoji.base for emoji in all_emoji()}
    assert {each["novel"] for each in objects} == {True, False}
    assert all(each["novel"] == (base[each["key"]] in held) for each in objects)


def test_false_captions_of_train_scenes_have_no_held_out_pair() -> None:
    world = _world(concepts=30, theme="none")
    names = sorted((concept.name for concept in world.cast.concepts), key=len, reverse=True)
    for row in _rows(60, concepts=30, theme="none"):
        for negative in row["negatives"]:
            text, found = f" {negative['text']} ", []
            for name in names:
                if f" {name} " in text.replace(",", " "):
                    found.append(name)
            assert not {(a, b) for a in found for b in found} & world.cast.held_out


@pytest.mark.parametrize("size", [32, 48, 96])
def test_pictures_have_the_size_that_is_asked_for(size: int) -> None:
    row = _rows(1, size=size)[0]
    assert decode_png(row["image"]).shape == (size, size, 3)
    assert decode_png(row["mask"]).shape == (size, size)


def test_the_number_of_objects_is_in_its_range() -> None:
    assert {len(row["objects"]) for row in _rows(40, min_objects=1, max_objects=3)} == {1, 2, 3}
    assert {len(row["objects"]) for row in _rows(5, min_objects=7, max_objects=7, size=96)} == {7}


def test_kinds_colours_patterns_and_states_are_as_asked_for() -> None:
    plain = _objects(_rows(30))
    assert {(each["kind"], each["pattern"], each["state"]) for each in plain} == {
        ("emoji", "plain", "upright")
    }
    assert len({each["colour"] for each in plain}) == 8
    rich = _objects(_rows(60, kinds="both", colours=False, patterns=True, states=True))
    assert {each["kind"] for each in rich} == {"emoji", "icon"}
    assert {each["colour"] for each in rich} == {None}
    assert {each["pattern"] for each in rich} == {"plain", "striped", "dotted", "checkered"}
    assert {each["state"] for each in rich} == {"upright", "upside-down", "tilted", "outlined", "broken"}
    assert {each["kind"] for each in _objects(_rows(10, kinds="icon"))} == {"icon"}


def test_objects_are_as_large_as_their_words_say() -> None:
    rows = _rows(60, min_scale=0.2, max_scale=0.5)
    lengths: dict[str, list[int]] = {"small": [], "medium": [], "large": []}
    for each in _objects(rows):
        x1, y1, x2, y2 = each["extent"]
        lengths[each["size"]].append(max(x2 - x1, y2 - y1))
    assert min(lengths["small"]) >= 0.2 * 64 - 2
    assert max(lengths["small"]) < min(lengths["medium"])
    assert max(lengths["medium"]) < min(lengths["large"])
    assert max(lengths["large"]) <= 0.5 * 64 + 1
    assert {each["size"] for each in _objects(_rows(10, min_scale=0.3, max_scale=0.3))} == {None}


def test_a_focus_is_the_largest_object_and_the_label() -> None:
    for row in _rows(20, focus=True, min_objects=3):
        assert [each["size"] for each in row["objects"]].count("large") == 1
        assert row["label"] == max(row["objects"], key=lambda each: each["area"])["name"]


def test_a_mark_is_small_in_front_of_all_and_the_label() -> None:
    rows = _rows(60, marks=5, size=48, min_scale=0.4, max_scale=0.6)
    marks = {row["label"] for row in rows}
    assert len(marks) == 5
    for row in rows:
        *objects, mark = row["objects"]
        assert mark["name"] == row["label"] not in {each["name"] for each in objects}
        assert mark["depth"] == len(objects)
        assert 7 <= max(mark["extent"][2] - mark["extent"][0], mark["extent"][3] - mark["extent"][1]) <= 10
    assert not marks & {each["name"] for row in rows for each in row["objects"][:-1]}


def test_names_are_as_many_as_asked_for_and_of_the_categories() -> None:
    world = _world(concepts=24, categories=("food and drink", "activities"))
    assert len(world.cast.concepts) == 24
    assert {concept.category for concept in world.cast.concepts} == {"food and drink", "activities"}
    topics = Counter(concept.topic for concept in world.cast.concepts)
    assert max(topics.values()) - min(topics.values()) <= 1


@pytest.mark.parametrize(("theme", "field"), [("category", "category"), ("topic", "topic")])
def test_a_theme_is_what_all_objects_have_in_common(theme: str, field: str) -> None:
    rows = _rows(30, theme=theme)
    assert len({row["theme"] for row in rows}) > 3
    for row in rows:
        assert {each[field] for each in row["objects"]} == {row["theme"]}


def test_planted_themes_overlap_in_their_topics() -> None:
    topics: dict[str, set[str]] = {}
    world = _world(theme="planted")
    for index in range(300):
        plan = world.plan("train", index)
        assert {thing.concept.topic for thing in plan.things} <= set(plan.topics)
        assert topics.setdefault(str(plan.theme), set(plan.topics)) == set(plan.topics)
    shared = [a & b for a in topics.values() for b in topics.values() if a != b]
    assert len(topics) == 25
    assert any(shared)
    assert not all(shared)


def test_a_tail_makes_some_names_far_more_frequent() -> None:
    def most(tail: bool) -> float:
        world = _world(tail=tail, concepts=50)
        counts = Counter(
            thing.concept.name for index in range(600) for thing in world.plan("train", index).things
        )
        return max(counts.values()) / counts.total()

    assert most(True) > 0.1 > 3 * most(False)


def test_repeats_are_as_frequent_as_asked_for() -> None:
    def repeated(chance: float) -> float:
        world = _world(repeats=chance, min_objects=4, max_objects=4)
        names = [[thing.concept.name for thing in world.plan("train", i).things] for i in range(300)]
        return sum(len(set(each)) < 4 for each in names) / len(names)

    assert repeated(0) == 0
    assert 0.65 < repeated(0.5) < 0.85


def test_attributes_are_mentioned_as_often_as_asked_for() -> None:
    def mentioned(chance: float) -> float:
        rows = _rows(40, mention=chance, repeats=0)
        colours = sum(
            each["colour"] in row["caption_list"].split(" on a")[0].split()
            for row in rows
            for each in row["objects"]
        )
        return colours / len(_objects(rows))

    assert mentioned(1) == 1
    assert 0.3 < mentioned(0.4) < 0.65
    assert mentioned(0) < 0.1


def test_an_edit_changes_one_object_where_it_stands() -> None:
    for row in _rows(30, edits=True, size=48):
        before, after = decode_png(row["image"]).astype(int), decode_png(row["edited_image"]).astype(int)
        changed = np.argwhere((before != after).any(-1))
        (y1, x1), (y2, x2) = changed.min(0), changed.max(0)
        assert any(
            _reach(each["extent"], (x1, y1, x2, y2)) <= 1.5 * max(_lengths(each["extent"]))
            for each in row["objects"]
        ), row["edit"]
        assert row["edit"].startswith(("the same scene but the ", "the same scene with a"))


def _lengths(box: Sequence[int]) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def _reach(a: Sequence[int], b: Sequence[int]) -> int:
    """The longer side of what holds two boxes."""
    return max(*_lengths([*map(min, a[:2], b[:2]), *map(max, a[2:], b[2:])]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"min_objects": 5}, "min_objects 5 is more than max_objects 4"),
        ({"min_scale": 0.6}, "min_scale 0.6 is more than max_scale 0.5"),
        ({"max_objects": 9, "min_scale": 0.4}, "9 objects need a min_scale of 0.33 or less"),
        ({"categories": ["food"]}, "no category 'food'"),
        ({"background_kind": "plain"}, "did you mean 'background'"),
        ({"theme": "zoo"}, "'none', 'category', 'topic' or 'planted'"),
    ],
)
def test_options_that_do_not_fit_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        recipe_options("scenes", given)


def test_too_few_names_are_refused() -> None:
    with pytest.raises(InputError, match="3 names are too few"):
        scenes.World(scenes.Options(concepts=3))
