"""Texts of scenes are English and true or false, as a reader finds that knows only the truth columns."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Any

import pytest
from scene_reader import Claim, Reader, is_false, is_true, matching, strictly

from embedworks.corpora.worlds import scenes
from embedworks.corpora.worlds._scenes.english import plural
from embedworks.corpora.worlds._scenes.vocabulary import all_concepts

DRAWN = {
    "kinds": "both",
    "patterns": True,
    "states": True,
    "max_objects": 5,
    "repeats": 0.3,
    "mention": 0.8,
}
VARIANTS = (
    {},
    DRAWN,
    {"colours": False, "min_objects": 1},
    {"mention": 0.4, "patterns": True, "tail": True},
)
ROWS = 40


@lru_cache
def _world(variant: int) -> scenes.World:
    return scenes.World(scenes.Options.model_validate(VARIANTS[variant]))


@lru_cache
def _rows(variant: int) -> tuple[dict[str, Any], ...]:
    world = _world(variant)
    return tuple(world.row(split, index) for split in ("train", "test") for index in range(ROWS))


@lru_cache
def _reader() -> Reader:
    return Reader(concept.name for concept in all_concepts(0))


def test_nouns_are_put_into_the_plural() -> None:
    reader = _reader()
    assert {plural(name): name for name in reader.singular} == reader.plural


each_variant = pytest.mark.parametrize("variant", range(len(VARIANTS)))


@each_variant
def test_short_captions_lists_and_paraphrases_are_true(variant: int) -> None:
    reader = _reader()
    for row in _rows(variant):
        assert 4 <= len(row["caption"].split()) <= 15
        assert len({row["caption"], *row["paraphrases"]}) == 4
        for text in (row["caption"], row["caption_list"], *row["paraphrases"]):
            assert is_true(row, reader.read(text)), (row["id"], text)


@each_variant
def test_the_list_names_every_object_once(variant: int) -> None:
    reader = _reader()
    for row in _rows(variant):
        nouns = reader.read(row["caption_list"]).nouns
        listed = Counter({noun.name: 0 for noun in nouns})
        for noun in nouns:
            listed[noun.name] += noun.count
        assert listed == Counter(each["name"] for each in row["objects"])


@each_variant
def test_negatives_are_false_and_their_positives_true(variant: int) -> None:
    reader = _reader()
    for row in _rows(variant):
        for negative in row["negatives"]:
            assert is_true(row, reader.read(negative["positive"])), (row["id"], negative)
            assert is_false(row, reader.read(negative["text"])), (row["id"], negative)


@each_variant
def test_a_negative_differs_in_what_it_says_it_does(variant: int) -> None:
    reader = _reader()
    seen = set()
    for row in _rows(variant):
        for negative in row["negatives"]:
            true, false = (reader.read(negative[text]) for text in ("positive", "text"))
            seen.add((negative["kind"], negative["part"]))
            assert _differs(true, false, negative["kind"], negative["part"]), negative
    assert {("replaced", "relation"), ("swapped", "relation"), ("replaced", "object")} <= seen
    assert {("replaced", "colour"), ("swapped", "colour")} <= seen or not _world(variant).options.colours


def _differs(true: Claim, false: Claim, kind: str, part: str) -> bool:
    """Whether two claims differ in a part alone, swapped or replaced."""
    if (kind, part) == ("swapped", "relation"):
        return true.predicate == false.predicate and true.nouns == false.nouns[::-1]
    if part == "relation":
        return true.nouns == false.nouns and true.predicate != false.predicate
    old, new = (
        [{**dict(noun.attributes), "object": noun.name} for noun in each.nouns] for each in (true, false)
    )
    rest = [[{p: w for p, w in each.items() if p != part} for each in side] for side in (old, new)]
    before, after = ([each.get(part) for each in side] for side in (old, new))
    changes = sum(a != b for a, b in zip(before, after, strict=True))
    right = changes == 1 if kind == "replaced" else changes == 2 and before == after[::-1]
    return true.predicate == false.predicate and rest[0] == rest[1] and right


@each_variant
def test_long_captions_say_everything_in_true_sentences(variant: int) -> None:
    reader = _reader()
    for row in _rows(variant):
        opening, *sentences = re.split(r"(?<=\.) ", row["caption_long"])
        count = ("one", "two", "three", "four", "five")[len(row["objects"]) - 1]
        assert f"{count} object" in opening.lower()
        assert f"{row['background']['colour']} background" in opening
        described = [text for text in sentences if not text.startswith("The ")]
        named = Counter(reader.noun(_noun_of(text)) for text in described)
        expected = Counter(reader.noun(region["text"]) for region in row["regions"])
        assert named == expected, row["caption_long"]
        for text in sentences[len(described) :]:
            claim = reader.read(_without_the(text))
            (i,), (j,) = (matching(row, noun) for noun in claim.nouns)
            assert strictly(str(claim.predicate), row, i, j), text


def _noun_of(sentence: str) -> str:
    """The noun phrase of "At the top there is a red dog." or "Another red dog is on the left."."""
    text = re.sub(r"^(.*\b[Tt]here is | )", "", sentence.removesuffix("."))
    text = re.sub(r" is (at|on|in) the [a-z ]+$", "", text)
    text = text[0].lower() + text[1:]
    if text.startswith("another "):
        text = text.removeprefix("another ")
        return f"{'an' if text[0] in 'aeiou' and not text.startswith('uni') else 'a'} {text}"
    return text


def _without_the(sentence: str) -> str:
    """With indefinite articles, as the reader knows them."""

    def indefinite(found: re.Match[str]) -> str:
        vowel = (found[2][0] in "aeiou" and not found[2].startswith("uni")) or found[2].startswith("hour")
        return f"{found[1]}{'an' if vowel else 'a'} {found[2]}"

    text = sentence.removesuffix(".").replace("The ", "the ", 1)
    start = re.sub(r"^()the (\w+)", indefinite, text)
    head, _, tail = start.rpartition(" the ")
    return head + re.sub(r"^()(\w+)", lambda found: " " + indefinite(found), tail)


@each_variant
def test_a_region_is_described_fully_and_referred_to_alone(variant: int) -> None:
    reader = _reader()
    for row in _rows(variant):
        for index, region in enumerate(row["regions"]):
            assert region["object"] == index
            assert region["box"] == row["objects"][index]["box"]
            noun = reader.noun(region["text"])
            spoken = {part: word for part, word in row["objects"][index].items() if part in PARTS}
            assert dict(noun.attributes) == {p: w for p, w in spoken.items() if w not in UNSPOKEN}
            if region["referring"]:
                assert _referred(row, reader, region["referring"]) == [index], (row["id"], region)


PARTS = ("size", "state", "pattern", "colour")
UNSPOKEN = (None, "medium", "plain", "upright")


def _referred(row: dict[str, Any], reader: Reader, text: str) -> list[int]:
    """The objects that an expression could mean."""
    if text.count("the ") == 1:
        return matching(row, reader.noun(text))
    claim = reader.read(_without_the(text))
    (anchor,) = matching(row, claim.nouns[1])
    candidates = matching(row, claim.nouns[0])
    return [i for i in candidates if i != anchor and strictly(str(claim.predicate), row, i, anchor)]


@each_variant
def test_answers_are_right(variant: int) -> None:
    reader = _reader()
    asked = Counter()
    for row in _rows(variant):
        for question in row["questions"]:
            kind, text, answer = question["kind"], question["question"][:-1], question["answer"]
            asked[kind] += 1
            if kind == "count":
                assert answer == str(_count(row, reader, text)), (row["id"], question)
            elif kind == "exists":
                there = bool(matching(row, reader.noun(text.removeprefix("Is there "))))
                assert answer == ("yes" if there else "no"), (row["id"], question)
            elif kind in PARTS:
                noun = re.search(
                    r"\bthe ([a-z -]+?)( have| drawn| patterned| small or large)?$", text, re.IGNORECASE
                )
                assert noun
                (index,) = matching(row, reader.noun(f"the {noun[1]}"))
                assert row["objects"][index][kind] == answer, (row["id"], question)
            elif kind in ("object", "category"):
                index = _unnamed(row, reader, re.sub("^What (category )?is | in$", "", text))
                assert row["objects"][index]["name" if kind == "object" else kind] == answer, (
                    row["id"],
                    question,
                )
    assert {"count", "exists", "category", "relation", "verify"} <= set(asked)


def _unnamed(row: dict[str, Any], reader: Reader, text: str) -> int:
    """The only object that is meant by "the object", "the red object", "the object above the dog"."""
    objects = row["objects"]
    words = re.fullmatch(r"the (\S+ )?object( .+ the .+)?", text)
    assert words, text
    if words[2]:
        claim = reader.read(_without_the(text.replace("the object", f"the {objects[0]['name']}", 1)))
        (anchor,) = matching(row, claim.nouns[1])
        given = {(each["subject"], each["predicate"], each["object"]) for each in row["relations"]}
        found = [i for i in range(len(objects)) if (i, claim.predicate, anchor) in given]
    else:
        found = [i for i, each in enumerate(objects) if not words[1] or words[1].strip() in each.values()]
    (index,) = found
    return index


def _count(row: dict[str, Any], reader: Reader, text: str) -> int:
    what = text.removeprefix("How many ").removesuffix(" are there")
    if what == "objects":
        return len(row["objects"])
    if what.endswith(" objects"):
        return sum(each["colour"] == what.removesuffix(" objects") for each in row["objects"])
    return sum(each["name"] == reader.plural[what] for each in row["objects"])


@each_variant
def test_relations_that_are_asked_for_hold(variant: int) -> None:
    reader = _reader()
    for row in _rows(variant):
        for question in row["questions"]:
            text, answer = question["question"][:-1], question["answer"]
            if question["kind"] == "verify":
                claim = reader.read(_without_the(re.sub("^(Is|Are) the", "the", text)))
                assert (is_true if answer == "yes" else is_false)(row, claim), (row["id"], question)
            elif question["kind"] == "relation":
                claim = reader.read(_without_the(text.replace("What is", f"the {answer}")))
                assert is_true(row, claim), (row["id"], question)


@each_variant
def test_hypotheses_have_their_labels(variant: int) -> None:
    reader = _reader()
    labels = Counter()
    for row in _rows(variant):
        for each in row["hypotheses"]:
            text = each["hypothesis"][0].lower() + each["hypothesis"][1:-1]
            plain, unseen = re.subn(r" that [a-z ]+$", "", text)
            claim = reader.read(plain)
            labels[each["label"], bool(unseen)] += 1
            assert (is_false if each["label"] == "contradiction" else is_true)(row, claim), (
                row["id"],
                each,
            )
            assert unseen or each["label"] != "neutral"
    assert set(labels) == {
        ("entailment", False),
        ("contradiction", False),
        ("contradiction", True),
        ("neutral", True),
    }


def test_a_false_caption_uses_words_as_true_ones_do() -> None:
    changed: dict[str, Counter[str]] = {"positive": Counter(), "text": Counter()}
    rows = [row for variant in (0, 1) for row in _rows(variant)]
    for row in rows:
        for negative in row["negatives"]:
            if negative["kind"] == "replaced" and negative["part"] in ("colour", "relation", "size"):
                for text, counter in changed.items():
                    counter.update(negative[text].split())
    common = [word for word, count in changed["positive"].items() if count >= 60]
    assert len(common) > 15
    for word in common:
        ratio = changed["text"][word] / changed["positive"][word]
        assert 0.6 < ratio < 1.6, f"{word}: {ratio}"
