"""What each object is called, and an expression that means it alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from embedworks.corpora.worlds._scenes.choices import EAGERNESS, describe, unique
from embedworks.corpora.worlds._scenes.english import bare, definite, indefinite
from embedworks.corpora.worlds._scenes.model import Scene
from embedworks.corpora.worlds._scenes.pools import pick
from embedworks.corpora.worlds._scenes.relations import Table
from embedworks.corpora.worlds._scenes.statements import meant
from embedworks.corpora.worlds._scenes.wording import relation_words

RELATED = 0.5  # of the expressions also say how the object is related to another
TELLING = tuple(predicate for predicate, eagerness in EAGERNESS.items() if eagerness >= 5)


def draw_regions(scene: Scene, table: Table, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One region for each object: its full description, an expression that means it alone, its box."""
    named = {index: unique(scene, index) for index in range(len(scene.objects))}
    regions = []
    for index, placed in enumerate(scene.objects):
        phrase = named[index]
        plain = phrase and definite(phrase)
        related = None
        if phrase is None or rng.random() < RELATED:
            anchors = {other: definite(found) for other, found in named.items() if found and other != index}
            related = _related(scene, table, index, anchors, rng)
        text = indefinite(describe(scene, index))
        regions.append(
            {"object": index, "text": text, "referring": related or plain, "box": list(placed.box)}
        )
    return regions


def _related(
    scene: Scene, table: Table, index: int, anchors: dict[int, str], rng: np.random.Generator
) -> str | None:
    """ "the red dog to the left of the tree", if that means no other red dog."""
    phrase = describe(scene, index)
    rivals = [other for other in meant(scene, phrase) if other != index]
    found = [
        f"the {bare(phrase)} {relation_words(predicate)} {text}"
        for anchor, text in anchors.items()
        for predicate in TELLING
        if table[predicate, index, anchor]
        and all(table[predicate, rival, anchor] is False for rival in rivals if rival != anchor)
    ]
    return pick(found, rng) if found else None
