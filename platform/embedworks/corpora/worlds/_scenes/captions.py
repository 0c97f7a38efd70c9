"""Captions of a scene: a short one and other words for it, a list of its objects, and a long one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from embedworks.corpora.worlds._scenes.choices import describe, draw_relation, list_all, sayable, unique
from embedworks.corpora.worlds._scenes.english import NUMBERS, indefinite, sentence
from embedworks.corpora.worlds._scenes.model import Scene
from embedworks.corpora.worlds._scenes.pools import pick
from embedworks.corpora.worlds._scenes.relations import OPPOSITE, Table, centre
from embedworks.corpora.worlds._scenes.statements import Statement
from embedworks.corpora.worlds._scenes.wording import (
    Style,
    background_phrase,
    claim,
    draw_style,
    word,
)

SHORTEST, LONGEST = 4, 15  # words of a short caption
PARAPHRASES = 3
RELATED = 0.75  # of the short captions of two objects or more say how two of them are related
TRIES = 12
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
            predicate = sayable(table, index, other, (), rng)
            if predicate:
                yield claim(named[index], predicate, named[other])
