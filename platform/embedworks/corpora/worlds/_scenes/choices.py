"""What texts choose to say of a scene: which objects, which of their attributes, which relation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import combinations

import numpy as np

from embedworks.corpora.worlds._scenes.english import Phrase
from embedworks.corpora.worlds._scenes.model import ATTRIBUTES, Scene
from embedworks.corpora.worlds._scenes.relations import ABOUT_SIZE, OPPOSITE, SYMMETRIC, Table
from embedworks.corpora.worlds._scenes.statements import Statement, meant, verdict

DECISIVE = 0.7  # of those are about the first two
# How eagerly captions say a relation that holds; directions hold most often, and say most.
EAGERNESS = {"left of": 6, "right of": 6, "above": 6, "below": 6, "inside": 9, "around": 9}
EAGERNESS |= {"in front of": 5, "behind": 5, "same colour as": 2, "same pattern as": 2, "touching": 2}
# What a text may not say of the objects beside a relation that is about the same.
UNSAID = dict.fromkeys(ABOUT_SIZE, "size") | {"same colour as": "colour", "same pattern as": "pattern"}


def describe(scene: Scene, index: int, parts: Collection[str] = ATTRIBUTES) -> Phrase:
    """What can be said of one object, of the given parts."""
    placed = scene.objects[index]
    words = tuple((part, said) for part in ATTRIBUTES if part in parts and (said := placed.spoken(part)))
    return Phrase(placed.name, words, 1, (index,))


def mentioned(mention: float, rng: np.random.Generator) -> list[str]:
    """The parts that a text mentions."""
    return [part for part in ATTRIBUTES if rng.random() < mention]


def list_all(scene: Scene, mention: float, rng: np.random.Generator) -> Statement:
    """Every object in random order; those that are described alike together."""
    found: dict[Phrase, list[int]] = {}
    for index in rng.permutation(len(scene.objects)).tolist():
        phrase = replace(describe(scene, index, mentioned(mention, rng)), indices=())
        found.setdefault(phrase, []).append(index)
    return Statement(
        tuple(replace(phrase, count=len(each), indices=tuple(each)) for phrase, each in found.items())
    )


def draw_relation(
    scene: Scene, table: Table, mention: float, rng: np.random.Generator, said: Collection[str] = ()
) -> Statement | None:
    """How two objects are related; None if the two that were drawn have no clear
    relation or look alike.

    Args:
        scene: What to say it of.
        table: Verdicts on it.
        mention: Chance that an attribute is mentioned.
        rng: The row's.
        said: Parts that are mentioned in any case, so that no relation is said that forbids them.
    """
    count = len(scene.objects)
    decisive = count == 2 or rng.random() < DECISIVE
    i, j = (0, 1) if decisive else rng.permutation(count)[:2].tolist()
    if rng.random() < 0.5:
        i, j = j, i
    predicate = sayable(table, i, j, said, rng)
    if predicate is None:
        return None
    parts = [{*said, *mentioned(mention, rng)} - {UNSAID.get(predicate, "")} for _ in (i, j)]
    statement = Statement((describe(scene, i, parts[0]), describe(scene, j, parts[1])), predicate)
    if {*meant(scene, statement.phrases[0])} & {*meant(scene, statement.phrases[1])}:
        return None  # "a dog to the left of a dog"
    for place in (0, 1):
        statement = _several(scene, table, statement, place)
    return statement


def unique(scene: Scene, index: int, without: Collection[str] = ()) -> Phrase | None:
    """The fewest words that mean one object and no other; None if all that can be said is not enough.

    Args:
        scene: Where the object is.
        index: Which one.
        without: Parts that may not be said.
    """
    parts = [part for part in ATTRIBUTES if part not in without and scene.objects[index].spoken(part)]
    for count in range(len(parts) + 1):
        for chosen in combinations(reversed(parts), count):
            phrase = describe(scene, index, chosen)
            if meant(scene, phrase) == [index]:
                return phrase
    return None


def sayable(table: Table, i: int, j: int, said: Collection[str], rng: np.random.Generator) -> str | None:
    """A relation that holds, the more telling ones more often."""
    held = [
        predicate
        for predicate in (*OPPOSITE, *SYMMETRIC)
        if table[predicate, i, j] and UNSAID.get(predicate) not in said
    ]
    if not held:
        return None
    edges = np.cumsum([EAGERNESS.get(predicate, 1) for predicate in held])
    return held[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]


def _several(scene: Scene, table: Table, statement: Statement, place: int) -> Statement:
    """With the plural in one place, if that is true too."""
    phrase = statement.phrases[place]
    alike = meant(scene, phrase)
    if len(alike) == 1:
        return statement
    plural = statement.with_phrase(place, replace(phrase, count=len(alike), indices=tuple(alike)))
    return plural if verdict(scene, table, plural) else statement
