"""How a statement is worded: one of several sentences, relations and adjectives in one of several words.

A statement and a false one beside it are worded by one :class:`Style`, so that they differ in nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from embedworks.corpora.worlds._scenes.english import (
    SYNONYMS,
    Phrase,
    article,
    be,
    definite,
    enumerated,
    indefinite,
)
from embedworks.corpora.worlds._scenes.model import Background
from embedworks.corpora.worlds._scenes.pools import pick
from embedworks.corpora.worlds._scenes.statements import Statement

# Predicate -> its wordings.
WORDINGS: dict[str, tuple[str, ...]] = {
    "left of": ("to the left of", "left of", "on the left of"),
    "right of": ("to the right of", "right of", "on the right of"),
    "above": ("above", "over", "higher up than"),
    "below": ("below", "under", "lower down than"),
    "inside": ("inside", "within"),
    "around": ("around", "surrounding"),
    "in front of": ("in front of", "partly covering"),
    "behind": ("behind", "partly covered by"),
    "larger than": ("larger than", "bigger than"),
    "smaller than": ("smaller than",),
    "touching": ("touching", "in contact with"),
    "near": ("near", "close to"),
    "far from": ("far from", "far away from"),
    "same colour as": ("of the same colour as", "in the same colour as"),
    "level with": ("level with", "at the height of"),
    "same pattern as": ("patterned like",),
}
RELATION_SENTENCES = (
    "{s} {relation} {o}",
    "there {be} {s} {relation} {o}",
    "{s} {be} {relation} {o}",
    "a picture of {s} {relation} {o}",
    "in the picture, {s} {be} {relation} {o}",
)
LIST_SENTENCES = (
    "{list}",
    "there {be} {list}",
    "a picture of {list}",
    "the picture shows {list}",
    "{list} on {background}",
)
BACKGROUND_WORDS = {"plain": "plain", "textured": "textured", "clutter": "cluttered"}


@dataclass(frozen=True)
class Style:
    """How to word a statement.

    Attributes:
        sentence: Which of the sentences.
        wording: Which wording of the relation, from 0 to 1.
        said: Adjective -> what is said instead.
    """

    sentence: int = 0
    wording: float = 0.0
    said: dict[str, str] = field(default_factory=dict)


PLAIN = Style()


def draw_style(rng: np.random.Generator, synonyms: bool = False) -> Style:
    """One style; with ``synonyms`` adjectives are replaced now and then."""
    said = {word: pick(others, rng) for word, others in SYNONYMS.items() if synonyms and rng.random() < 0.6}
    return Style(int(rng.random() * len(RELATION_SENTENCES)), float(rng.random()), said)


def relation_words(predicate: str, style: Style = PLAIN) -> str:
    """ "to the left of"."""
    wordings = WORDINGS[predicate]
    return wordings[int(style.wording * len(wordings))]


def word(statement: Statement, style: Style, background: Background) -> str:
    """A statement as a sentence without capital and full stop."""
    phrases = [indefinite(phrase, style.said) for phrase in statement.phrases]
    agreeing = be(statement.phrases[0])
    if statement.predicate is None:
        sentence = LIST_SENTENCES[style.sentence]
        behind = background_phrase(background)
        return sentence.format(list=enumerated(phrases), be=agreeing, background=behind)
    relation = relation_words(statement.predicate, style)
    return RELATION_SENTENCES[style.sentence].format(
        s=phrases[0], o=phrases[1], relation=relation, be=agreeing
    )


def claim(subject: Phrase, predicate: str, other: Phrase) -> str:
    """ "the dog is to the left of the two stars"."""
    return f"{definite(subject)} {be(subject)} {relation_words(predicate)} {definite(other)}"


def background_phrase(background: Background) -> str:
    """ "a plain pale green background"."""
    words = f"{BACKGROUND_WORDS[background.kind]} pale {background.colour} background"
    return f"{article(words)} {words}"
