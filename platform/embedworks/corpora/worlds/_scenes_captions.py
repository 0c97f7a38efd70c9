"""Captions of a scene: a short one and other words for it, a list of its objects, and a long one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from embedworks.corpora.worlds._scenes_english import NUMBERS, Phrase, indefinite, sentence
from embedworks.corpora.worlds._scenes_model import ATTRIBUTES, Scene
from embedworks.corpora.worlds._scenes_pools import pick
from embedworks.corpora.worlds._scenes_relations import ABOUT_SIZE, OPPOSITE, SYMMETRIC, Table, centre
from embedworks.corpora.worlds._scenes_statements import Statement, meant, verdict
from embedworks.corpora.worlds._scenes_wording import (
    Style,
    background_phrase,
    claim,
    draw_style,
    word,
)

SHORTEST, LONGEST = 4, 15  # words of a short caption
PARAPHRASES = 3
RELATED = 0.75  # of the short captions of two objects or more say how two of them are related
DECISIVE = 0.7  # of those are about the first two
TRIES = 12
# How eagerly captions say a relation that holds; directions hold most often, and say most.
EAGERNESS = {"left of": 6, "right of": 6, "above": 6, "below": 6, "inside": 9, "around": 9}
EAGERNESS |= {"in front of": 5, "behind": 5, "same colour as": 2, "same pattern as": 2, "touching": 2}
# What a text may not say of the objects beside a relation that is about the same.
UNSAID = dict.fromkeys(ABOUT_SIZE, "size") | {"same colour as": "colour", "same pattern as": "pattern"}
ROWS, COLUMNS = ("top", "", "bottom"), ("left", "", "right")
MARGIN = 0.04  # of the picture's side, from the borders between its nine parts


@dataclass(frozen=True)
class Captions:
    """Texts that are true of a scene.

    Attributes:
        statement: What the short caption says.
        style: How it says it.
        listing: What the list says.
        list_style: How it says it.
        short: 4 to 15 words.
        listed: Every object.
        long: Every object with all its attributes, several relations, the background.
        paraphrases: The short caption in other words.
    """

    statement: Statement
    style: Style
    listing: Statement
    list_style: Style
    short: str
    listed: str
    long: str
    paraphrases: list[str]


def draw_captions(scene: Scene, table: Table, mention: float, rng: np.random.Generator) -> Captions:
    """All captions of a scene."""
    listing = list_all(scene, mention, rng)
    statement = listing
    if len(scene.objects) > 1 and rng.random() < RELATED:
        statement = draw_relation(scene, table, mention, rng) or listing
    statement, style = _short(scene, statement, rng)
    list_style = draw_style(rng)
    background = scene.plan.background
    return Captions(
        statement,
        style,
        listing,
        list_style,
        word(statement, style, background),
        word(listing, list_style, background),
        long_caption(scene, table, rng),
        _paraphrases(scene, statement, word(statement, style, background), rng),
    )


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
    predicate = _sayable(table, i, j, said, rng)
    if predicate is None:
        return None
    parts = [{*said, *mentioned(mention, rng)} - {UNSAID.get(predicate, "")} for _ in (i, j)]
    statement = Statement((describe(scene, i, parts[0]), describe(scene, j, parts[1])), predicate)
    if {*meant(scene, statement.phrases[0])} & {*meant(scene, statement.phrases[1])}:
        return None  # "a dog to the left of a dog"
    for place in (0, 1):
        statement = _several(scene, table, statement, place)
    return statement


def long_caption(scene: Scene, table: Table, rng: np.random.Generator) -> str:
    """Several sentences: the whole, each object, and how each is related to one before it."""
    count = len(scene.objects)
    objects = f"{NUMBERS[count]} object{'s' if count > 1 else ''}"
    behind = background_phrase(scene.plan.background)
    opening = pick(("the picture shows {} on {}", "{} on {}", "this is a picture of {} on {}"), rng)
    sentences = [opening.format(objects, behind)]
    order = rng.permutation(count).tolist()
    sentences += _object_sentences(scene, order, rng)
    sentences += _relation_sentences(scene, table, order, rng)
    return " ".join(sentence(each) for each in sentences)


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


def _sayable(table: Table, i: int, j: int, said: Collection[str], rng: np.random.Generator) -> str | None:
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


def _short(scene: Scene, statement: Statement, rng: np.random.Generator) -> tuple[Statement, Style]:
    """A statement and a style that give a caption of the right length."""
    background = scene.plan.background
    while True:
        for _ in range(TRIES):
            style = draw_style(rng)
            if SHORTEST <= len(word(statement, style, background).split()) <= LONGEST:
                return statement, style
        statement = _shorter(statement)


def _shorter(statement: Statement) -> Statement:
    """With one object or one adjective less."""
    if len(statement.phrases) > 2:
        return replace(statement, phrases=statement.phrases[:-1])
    longest = max(range(len(statement.phrases)), key=lambda place: len(statement.phrases[place].words))
    phrase = statement.phrases[longest]
    # There may be more of what is described less closely.
    return statement.with_phrase(longest, replace(phrase, words=phrase.words[1:], count=1))


def _paraphrases(scene: Scene, statement: Statement, short: str, rng: np.random.Generator) -> list[str]:
    """Other texts that say the same."""
    found = [short]
    while len(found) <= PARAPHRASES:
        same = _turned_round(statement) if rng.random() < 0.5 else statement
        text = word(same, draw_style(rng, synonyms=True), scene.plan.background)
        if text not in found:
            found.append(text)
    return found[1:]


def _turned_round(statement: Statement) -> Statement:
    """The same, said of the other."""
    if statement.predicate is None:
        return replace(statement, phrases=statement.phrases[::-1])
    predicate = OPPOSITE.get(statement.predicate, statement.predicate)
    return Statement(statement.phrases[::-1], predicate)


def _object_sentences(scene: Scene, order: list[int], rng: np.random.Generator) -> Iterator[str]:
    """ "a small red dog is at the top left"."""
    said: set[str] = set()
    for index in order:
        words = indefinite(describe(scene, index))
        other = f"another {words.partition(' ')[2]}" if words in said else words
        said.add(words)
        place = place_words(scene, index)
        if place is None:
            yield f"there is {other}"
        else:
            yield f"{place} there is {other}" if rng.random() < 0.3 else f"{other} is {place}"


def place_words(scene: Scene, index: int) -> str | None:
    """ "at the top left"; None if the object's centre is near the border between two parts."""
    found = []
    for axis, names in ((1, ROWS), (0, COLUMNS)):
        at = centre(scene.objects[index].box, axis) / scene.side
        if any(abs(at - border) < MARGIN for border in (1 / 3, 2 / 3)):
            return None
        found.append(names[int(at * 3)])
    row, column = found
    if not row and not column:
        return "in the middle"
    return f"at the {row} {column}".rstrip() if row else f"on the {column}"


def _relation_sentences(
    scene: Scene, table: Table, order: list[int], rng: np.random.Generator
) -> Iterator[str]:
    """ "the dog is to the left of the car", for each object that can be told from the others."""
    named = {index: phrase for index in order if (phrase := unique(scene, index))}
    for place, index in enumerate(order):
        earlier = [other for other in order[:place] if other in named]
        if index in named and earlier:
            other = pick(earlier, rng)
            predicate = _sayable(table, index, other, (), rng)
            if predicate:
                yield claim(named[index], predicate, named[other])
