"""Questions about a scene, each with the one answer that is right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.worlds._scenes.cast import Cast
from embedworks.corpora.worlds._scenes.choices import describe, unique
from embedworks.corpora.worlds._scenes.english import (
    Phrase,
    be,
    definite,
    indefinite,
    plural,
)
from embedworks.corpora.worlds._scenes.model import Scene
from embedworks.corpora.worlds._scenes.negatives import replaced_object, replaced_word
from embedworks.corpora.worlds._scenes.pools import pick
from embedworks.corpora.worlds._scenes.regions import TELLING
from embedworks.corpora.worlds._scenes.relations import OPPOSITE, Table
from embedworks.corpora.worlds._scenes.statements import Statement, verdict
from embedworks.corpora.worlds._scenes.wording import relation_words

Question = tuple[str, str, str]  # kind, question, answer
WH = {
    "colour": ("what colour is {}?", "which colour does {} have?"),
    "size": ("is {} small or large?", "how large is {}?"),
    "pattern": ("what pattern does {} have?", "how is {} patterned?"),
    "state": ("how is {} drawn?", "in which state is {}?"),
}


def draw_questions(
    scene: Scene, table: Table, cast: Cast, rng: np.random.Generator
) -> list[dict[str, str]]:
    """At most one question of each kind."""
    asked = [*_about_parts(scene, rng), *_counts(scene, cast, rng), *_existence(scene, table, cast, rng)]
    asked += [*_names(scene, table, rng), *_relations(scene, table, rng)]
    return [
        {"kind": kind, "question": question[0].upper() + question[1:], "answer": answer}
        for kind, question, answer in asked
    ]


def _about_parts(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Colour, size, pattern and state of objects that can be told from the others without."""
    for part, sentences in WH.items():
        index = int(rng.random() * len(scene.objects))
        placed = scene.objects[index]
        answer = placed.attribute(part)
        phrase = unique(scene, index, without=(part,))
        if phrase and answer and answer != "medium" and _varied(part, scene):
            yield part, pick(sentences, rng).format(definite(phrase)), answer


def _varied(part: str, scene: Scene) -> bool:
    """Whether a part is worth asking for: a scene of nothing but plain and upright things is not asked."""
    if part not in ("pattern", "state"):
        return True
    return any(placed.spoken(part) for placed in scene.objects)


def _counts(scene: Scene, cast: Cast, rng: np.random.Generator) -> Iterator[Question]:
    """How many there are of a name or a colour, or of anything."""
    kind = rng.random()
    if kind < 0.2:
        yield "count", "how many objects are there?", str(len(scene.objects))
    elif kind < 0.5 and all(placed.thing.colour for placed in scene.objects):
        colours = [placed.thing.colour for placed in scene.objects]
        colour = pick(tuple(COLOURS), rng) if rng.random() < 0.3 else pick(colours, rng)
        yield "count", f"how many {colour} objects are there?", str(colours.count(colour))
    else:
        placed = pick(scene.objects, rng)
        absent = cast.absent(scene.plan, rng) if rng.random() < 0.2 else None
        name = absent.name if absent else placed.name
        number = sum(each.name == name for each in scene.objects)
        yield "count", f"how many {plural(name)} are there?", str(number)


def _existence(scene: Scene, table: Table, cast: Cast, rng: np.random.Generator) -> Iterator[Question]:
    """Whether something is there: as often not as it is."""
    index = int(rng.random() * len(scene.objects))
    said = [part for part, _ in describe(scene, index).words if rng.random() < 0.5]
    phrase: Phrase | None = describe(scene, index, said)
    answer = "yes"
    if phrase and rng.random() < 0.5:
        answer = "no"
        other = bool(said) and rng.random() < 0.5
        phrase = replaced_word(phrase, said[0], rng) if other else replaced_object(phrase, scene, cast, rng)
    if phrase and verdict(scene, table, Statement((phrase,))) is (answer == "yes"):
        yield "exists", f"is there {indefinite(phrase)}?", answer


def _names(scene: Scene, table: Table, rng: np.random.Generator) -> Iterator[Question]:
    """What an object is, and of which category; neither may be named, or nobody would have to look."""
    for kind, sentence in (("object", "what is {}?"), ("category", "what category is {} in?")):
        index = int(rng.random() * len(scene.objects))
        unnamed = _unnamed(scene, table, index, rng)
        concept = scene.objects[index].thing.concept
        if unnamed:
            yield kind, sentence.format(unnamed), concept.name if kind == "object" else concept.category


def _unnamed(scene: Scene, table: Table, index: int, rng: np.random.Generator) -> str | None:
    """ "the red object", "the object to the left of the dog"; None if that could mean others."""
    if len(scene.objects) == 1:
        return "the object"
    found = [
        f"the {said} object"
        for part, said in describe(scene, index).words
        if sum(placed.attribute(part) == said for placed in scene.objects) == 1
    ]
    for anchor, phrase in ((other, unique(scene, other)) for other in range(len(scene.objects))):
        if phrase and anchor != index:
            found += [
                f"the object {relation_words(predicate)} {definite(phrase)}"
                for predicate in TELLING
                if _alone(scene, table, predicate, index, anchor)
            ]
    return pick(found, rng) if found else None


def _alone(scene: Scene, table: Table, predicate: str, index: int, anchor: int) -> bool:
    """Whether one object stands in a relation to another, and clearly no other does."""
    others = [other for other in range(len(scene.objects)) if other not in (index, anchor)]
    return bool(table[predicate, index, anchor]) and all(
        table[predicate, other, anchor] is False for other in others
    )


def _relations(scene: Scene, table: Table, rng: np.random.Generator) -> Iterator[Question]:
    """What is on a side of an object, and whether one object is on a side of another."""
    if len(scene.objects) < 2:
        return
    i, j = rng.permutation(len(scene.objects))[:2].tolist()
    held = [predicate for predicate in TELLING if table[predicate, i, j]]
    anchor, subject = unique(scene, j), unique(scene, i)
    if not held or anchor is None:
        return
    predicate = pick(held, rng)
    if _alone(scene, table, predicate, i, j):
        yield "relation", f"what is {relation_words(predicate)} {definite(anchor)}?", scene.objects[i].name
    if subject:
        answer = "yes" if rng.random() < 0.5 else "no"
        asked = predicate if answer == "yes" else OPPOSITE[predicate]
        relation = f"{relation_words(asked)} {definite(anchor)}"
        yield "verify", f"{be(subject)} {definite(subject)} {relation}?", answer
