"""Premises and hypotheses: what follows from a description, what contradicts it, what it leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from embedworks.corpora.worlds._scenes.captions import Captions
from embedworks.corpora.worlds._scenes.cast import Cast
from embedworks.corpora.worlds._scenes.english import Phrase, indefinite, sentence
from embedworks.corpora.worlds._scenes.model import Scene
from embedworks.corpora.worlds._scenes.negatives import replaced_object, replaced_word
from embedworks.corpora.worlds._scenes.pools import pick
from embedworks.corpora.worlds._scenes.relations import OPPOSITE, Table
from embedworks.corpora.worlds._scenes.statements import Statement, verdict
from embedworks.corpora.worlds._scenes.wording import PLAIN, draw_style, word

# What no picture shows. Said of what is absent it makes a contradiction, so it gives no label away.
OPEN = (
    "that was bought yesterday",
    "that belongs to a friend",
    "that is older than it looks",
    "that somebody gave away",
    "that was made by hand",
)


def draw_hypotheses(
    scene: Scene, table: Table, captions: Captions, cast: Cast, rng: np.random.Generator
) -> list[dict[str, str]]:
    """At most one of each label, all about one premise: the list of objects and the short caption."""
    premise = sentence(
        word(captions.listing, replace(captions.list_style, sentence=3), scene.plan.background)
    )
    if captions.statement.predicate:
        premise += " " + sentence(
            word(captions.statement, replace(captions.style, sentence=1), scene.plan.background)
        )
    found = _found(scene, table, captions, cast, rng)
    return [{"premise": premise, "hypothesis": text, "label": label} for label, text in found]


def _found(
    scene: Scene, table: Table, captions: Captions, cast: Cast, rng: np.random.Generator
) -> Iterator[tuple[str, str]]:
    behind = scene.plan.background
    if captions.statement.predicate and rng.random() < 0.4:
        turned = Statement(captions.statement.phrases[::-1], _opposite(captions.statement.predicate))
        yield "entailment", sentence(word(turned, draw_style(rng), behind))
    else:
        yield "entailment", sentence(f"there is {indefinite(_some(captions, rng))}")
    false = _false(scene, captions, cast, rng)
    if false is not None and verdict(scene, table, false) is False:
        text = word(false, replace(PLAIN, sentence=1), behind)
        is_open = false.predicate is None and rng.random() < 0.5
        yield "contradiction", sentence(f"{text} {pick(OPEN, rng)}" if is_open else text)
    yield "neutral", sentence(f"there is {indefinite(_some(captions, rng))} {pick(OPEN, rng)}")


def _opposite(predicate: str) -> str:
    return OPPOSITE.get(predicate, predicate)


def _some(captions: Captions, rng: np.random.Generator) -> Phrase:
    """One of the things that are listed, with some of what is said of it."""
    phrase = pick(captions.listing.phrases, rng)
    words = tuple(each for each in phrase.words if rng.random() < 0.6)
    return replace(phrase, words=words, count=1)


def _false(scene: Scene, captions: Captions, cast: Cast, rng: np.random.Generator) -> Statement | None:
    """The caption's relation reversed, or a thing that is not there."""
    predicate = captions.statement.predicate
    if predicate in OPPOSITE and rng.random() < 0.4:
        return Statement(captions.statement.phrases, OPPOSITE[predicate])
    phrase = _some(captions, rng)
    if phrase.words and rng.random() < 0.5:
        return Statement((replaced_word(phrase, pick(phrase.words, rng)[0], rng),))
    new = replaced_object(phrase, scene, cast, rng)
    return Statement((new,)) if new else None
