"""False captions, each beside a true one that differs in one thing.

Objects, colours and relations are drawn independently, and a false caption takes its words from where the
true ones come from, so that nothing in the text tells which is which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.worlds._scenes.captions import Captions
from embedworks.corpora.worlds._scenes.cast import Cast
from embedworks.corpora.worlds._scenes.choices import describe, draw_relation, mentioned
from embedworks.corpora.worlds._scenes.english import Phrase
from embedworks.corpora.worlds._scenes.model import ATTRIBUTES, PATTERNS, STATES, Scene
from embedworks.corpora.worlds._scenes.pools import pick
from embedworks.corpora.worlds._scenes.relations import FAMILIES, SYMMETRIC, Table
from embedworks.corpora.worlds._scenes.sprites import can_be
from embedworks.corpora.worlds._scenes.statements import Statement, verdict
from embedworks.corpora.worlds._scenes.wording import draw_style, word

WORDS: dict[str, tuple[str, ...]] = {  # what can be said of a part
    "size": ("small", "large"),
    "state": STATES[1:],
    "pattern": PATTERNS[1:],
    "colour": tuple(COLOURS),
}


@dataclass(frozen=True)
class Pair:
    """A true caption and a false one.

    Attributes:
        kind: "swapped" if two things of the caption changed places, "replaced" if one is another.
        part: What changed: object, relation, size, state, pattern or colour.
        true: What is true of the scene.
        false: What is not.
    """

    kind: str
    part: str
    true: Statement
    false: Statement


def draw_negatives(
    scene: Scene, table: Table, captions: Captions, cast: Cast, rng: np.random.Generator
) -> list[dict[str, str]]:
    """One false caption of each kind and part that the scene allows, and two of the whole list."""
    background = scene.plan.background
    rows = []
    for pair in _pairs(scene, table, captions, cast, rng):
        false = verdict(scene, table, pair.false) is False and _plausible(pair.false, cast)
        if false and verdict(scene, table, pair.true) and _fair(pair, scene, rng):
            listed = pair.true is captions.listing
            style = captions.list_style if listed else draw_style(rng)
            texts = {
                "positive": word(pair.true, style, background),
                "text": word(pair.false, style, background),
            }
            rows.append({"kind": pair.kind, "part": pair.part, **texts})
    return rows


def replaced_word(phrase: Phrase, part: str, rng: np.random.Generator) -> Phrase:
    """With another word for a part."""
    return phrase.saying(part, pick([each for each in WORDS[part] if each != phrase.word(part)], rng))


def replaced_object(phrase: Phrase, scene: Scene, cast: Cast, rng: np.random.Generator) -> Phrase | None:
    """With a name that is not in the scene; None if there is none."""
    if not phrase.indices or scene.plan.things[phrase.indices[0]].mark:
        return None
    new = cast.substitute(scene.plan, phrase.indices[0], rng)
    return replace(phrase, name=new.name) if new else None


def _plausible(statement: Statement, cast: Cast) -> bool:
    """Whether it says no state that true captions never say of a name: a ball is never upside-down."""
    return all(
        can_be(cast.by_name[phrase.name], phrase.word("state") or "upright") for phrase in statement.phrases
    )


def _fair(pair: Pair, scene: Scene, rng: np.random.Generator) -> bool:
    """Whether to say it: small things are more frequent, but no more often said to be of another size."""
    if (pair.kind, pair.part) != ("replaced", "size"):
        return True
    phrases = zip(pair.true.phrases, pair.false.phrases, strict=True)
    changed = next(true.word("size") for true, false in phrases if true != false)
    sizes = [placed.size for placed in scene.objects]
    same, other = sizes.count(changed), sizes.count("large" if changed == "small" else "small")
    return rng.random() * same < other


def _pairs(
    scene: Scene, table: Table, captions: Captions, cast: Cast, rng: np.random.Generator
) -> Iterator[Pair]:
    for part in ATTRIBUTES:
        statement = _saying(scene, table, part, rng)
        if statement:
            yield from _about_words(statement, part, rng)
    statement = draw_relation(scene, table, 0.7, rng) if len(scene.objects) > 1 else None
    if statement:
        yield from _about_relations(statement, rng)
        yield from _about_objects(statement, scene, cast, rng)
    yield from _about_objects(captions.listing, scene, cast, rng)
    yield from _about_words(captions.listing, "colour", rng, swap=False)


def _saying(scene: Scene, table: Table, part: str, rng: np.random.Generator) -> Statement | None:
    """A statement that mentions a part, of two objects if there are two; None if it cannot be."""
    if not any(placed.spoken(part) for placed in scene.objects):
        return None
    if len(scene.objects) == 1:
        return Statement((describe(scene, 0, {part, *mentioned(0.5, rng)}),))
    related = draw_relation(scene, table, 0.5, rng, said=(part,))
    i, j = rng.permutation(len(scene.objects))[:2].tolist()
    words = {part, *mentioned(0.5, rng)}
    return related or Statement((describe(scene, i, words), describe(scene, j, words)))


def _about_words(
    statement: Statement, part: str, rng: np.random.Generator, swap: bool = True
) -> Iterator[Pair]:
    """One word of a part replaced, and the words of two objects swapped."""
    places = [place for place, phrase in enumerate(statement.phrases) if phrase.word(part)]
    if places:
        place = pick(places, rng)
        new = replaced_word(statement.phrases[place], part, rng)
        yield Pair("replaced", part, statement, statement.with_phrase(place, new))
    if swap and len(places) == 2:
        first, second = statement.phrases
        swapped = (first.saying(part, second.word(part)), second.saying(part, first.word(part)))
        yield Pair("swapped", part, statement, replace(statement, phrases=swapped))


def _about_objects(
    statement: Statement, scene: Scene, cast: Cast, rng: np.random.Generator
) -> Iterator[Pair]:
    """One name replaced, and the names of two objects swapped, whose attributes stay where they are."""
    place = int(rng.random() * len(statement.phrases))
    new = replaced_object(statement.phrases[place], scene, cast, rng)
    if new:
        yield Pair("replaced", "object", statement, statement.with_phrase(place, new))
    if statement.predicate and statement.phrases[0].count == statement.phrases[1].count:
        first, second = statement.phrases
        swapped = (replace(first, name=second.name), replace(second, name=first.name))
        yield Pair("swapped", "object", statement, replace(statement, phrases=swapped))


def _about_relations(statement: Statement, rng: np.random.Generator) -> Iterator[Pair]:
    """The relation replaced by one of its family, and the two objects' roles swapped."""
    if statement.predicate in SYMMETRIC:
        return
    family = next(family for family in FAMILIES if statement.predicate in family)
    other = pick([each for each in family if each != statement.predicate], rng)
    yield Pair("replaced", "relation", statement, replace(statement, predicate=other))
    yield Pair("swapped", "relation", statement, replace(statement, phrases=statement.phrases[::-1]))
