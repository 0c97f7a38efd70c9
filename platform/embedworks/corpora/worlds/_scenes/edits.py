"""The same scene with one object changed: where everything stands stays as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.drawings.png import encode_png
from embedworks.corpora.worlds._scenes.cast import Cast
from embedworks.corpora.worlds._scenes.choices import unique
from embedworks.corpora.worlds._scenes.english import article, definite
from embedworks.corpora.worlds._scenes.layout import around
from embedworks.corpora.worlds._scenes.model import Plan, Thing
from embedworks.corpora.worlds._scenes.painter import Painter, Picture, shape_of
from embedworks.corpora.worlds._scenes.pools import pick

Edit = tuple[str, bytes]  # text, and PNG of the changed scene


def draw_edit(picture: Picture, painter: Painter, cast: Cast, rng: np.random.Generator) -> Edit | None:
    """A change of an object's colour, or of the object itself; None if none can be told from the others."""
    plan = picture.scene.plan
    for index in rng.permutation(len(plan.things)).tolist():
        phrase = unique(picture.scene, index, without=("colour",))
        thing = plan.things[index]
        if phrase is None or thing.mark:
            continue
        changed = (
            _recoloured(thing, rng)
            if thing.colour and rng.random() < 0.6
            else _replaced(plan, index, cast, rng)
        )
        if changed is None:
            continue
        if changed.concept is thing.concept:
            text = f"the same scene but {definite(phrase)} is {changed.colour}"
        else:
            name = changed.concept.name
            text = f"the same scene with {article(name)} {name} in place of {definite(phrase)}"
        return text, _drawn(picture, painter, index, changed)
    return None


def _recoloured(thing: Thing, rng: np.random.Generator) -> Thing:
    return replace(thing, colour=pick([colour for colour in COLOURS if colour != thing.colour], rng))


def _replaced(plan: Plan, index: int, cast: Cast, rng: np.random.Generator) -> Thing | None:
    """Another object that looks the same otherwise."""
    concept = cast.substitute(plan, index, rng)
    if concept is None:
        return None
    old = plan.things[index]
    drawn = cast.drawing(concept, rng)
    return replace(old, concept=concept, kind=drawn.kind, key=drawn.key)


def _drawn(picture: Picture, painter: Painter, index: int, changed: Thing) -> bytes:
    plan, layout = picture.scene.plan, picture.layout
    left, top, right, bottom = layout.boxes[index]
    shape = shape_of(changed, layout.sizes[index])
    box = around((left + right) / 2, (top + bottom) / 2, shape, picture.scene.side)
    boxes = [*layout.boxes[:index], box, *layout.boxes[index + 1 :]]
    things = (*plan.things[:index], changed, *plan.things[index + 1 :])
    changed_plan, changed_layout = replace(plan, things=things), replace(layout, boxes=boxes)
    return encode_png(painter.compose(changed_plan, changed_layout, picture.backdrop_HW3).image_HW3)
