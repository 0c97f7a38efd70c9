"""Clips: the pixels do what the caption says, backwards the opposite, and splits keep their rule."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from embedworks.corpora.drawings.png import decode_png
from embedworks.corpora.recipes import recipe_options
from embedworks.corpora.worlds import clips
from embedworks.corpora.worlds._clips.motions import MOTIONS
from embedworks.corpora.worlds._clips.vocabulary import FAMILIES, things
from embedworks.errors import InputError

CONTRAST = 30  # by which a pixel of a thing differs from the background
CLIPS = 4


def frames_of(row) -> np.ndarray:
    return np.stack([decode_png(frame) for frame in row["frames"]]).astype(int)


def ink_of(frames_THW3: np.ndarray, contrast: int = CONTRAST) -> np.ndarray:
    """Pixels that differ from the commonest colour."""
    codes, counts = np.unique(frames_THW3 @ [65536, 256, 1], return_counts=True)
    ground = int(codes[counts.argmax()])
    return np.abs(frames_THW3 - [ground >> 16, ground >> 8 & 255, ground & 255]).max(-1) > contrast


def centres(ink_THW: np.ndarray) -> np.ndarray:
    """(x, y) of the pixels of each frame that has any."""
    return np.array([np.argwhere(ink_HW).mean(0)[::-1] for ink_HW in ink_THW if ink_HW.any()])


def extents(ink_THW: np.ndarray) -> np.ndarray:
    return np.array([np.ptp(np.argwhere(ink_HW), axis=0)[::-1] + 1 for ink_HW in ink_THW])


def turn(frames_THW3: np.ndarray) -> float:
    """How far the longer axis turns clockwise, in radians; y goes down."""
    angles = []
    for ink_HW in ink_of(frames_THW3):
        spread = np.cov(np.argwhere(ink_HW)[:, ::-1].T)
        x, y = np.linalg.eigh(spread)[1][:, 1]
        angles.append(np.arctan2(y, x))
    return float(
        np.ptp(np.unwrap(angles, period=np.pi)) * np.sign(np.unwrap(angles, period=np.pi)[-1] - angles[0])
    )


def around(frames_THW3: np.ndarray) -> float:
    """Positive where the centre's path bends clockwise."""
    steps = np.diff(centres(ink_of(frames_THW3)), axis=0)
    return float(sum(a[0] * b[1] - a[1] * b[0] for a, b in pairwise(steps)))


def sharpness(frames_THW3: np.ndarray) -> np.ndarray:
    return np.abs(np.diff(frames_THW3, axis=2)).max((1, 2, 3))


def gain(values) -> float:
    return float(values[-1] - values[0])


# Positive for the first motion of a pair, negative for the second.
MEASURES = {
    "moves left": lambda frames: -gain(centres(ink_of(frames))[:, 0]),
    "moves up": lambda frames: -gain(centres(ink_of(frames))[:, 1]),
    "grows": lambda frames: min(gain(extents(ink_of(frames))[:, axis]) for axis in (0, 1)),
    "appears": lambda frames: gain(ink_of(frames).any((1, 2)).astype(int)),
    "turns clockwise": turn,
    "circles clockwise": around,
    "brightens": lambda frames: gain(
        [frame[ink].mean() for frame, ink in zip(frames, ink_of(frames), strict=True)]
    ),
    "gets taller": lambda frames: gain(extents(ink_of(frames))[:, 1] / extents(ink_of(frames))[:, 0]),
    "gets wider": lambda frames: gain(extents(ink_of(frames))[:, 0] / extents(ink_of(frames))[:, 1]),
    "comes into focus": lambda frames: gain(sharpness(frames)),
    "is uncovered": lambda frames: gain(ink_of(frames).sum((1, 2))),
}
# "grows" must be negative in both directions for its opposite.
SHRINKS = {"shrinks": lambda frames: max(gain(extents(ink_of(frames))[:, axis]) for axis in (0, 1))}


def world(**options) -> clips.World:
    return clips.World(clips.Options(**options))


def alone(motion: str, families=tuple(FAMILIES)) -> list:
    one = world(motions=(motion,), max_objects=1, hold_out=0, families=families)
    return [one.row("train", index) for index in range(CLIPS)]


@pytest.mark.parametrize("motion", [name for name, motion in MOTIONS.items() if motion.opposite])
def test_pixels_do_what_the_motion_says_and_backwards_the_opposite(motion):
    pair = MOTIONS[motion].pair
    families = ("tool",) if pair == "turns clockwise" else tuple(FAMILIES)  # their axes are clear
    sign = 1 if motion == pair else -1
    for row in alone(motion, families):
        frames_THW3 = frames_of(row)
        measure = SHRINKS.get(motion, MEASURES[pair])
        assert sign * measure(frames_THW3) > 0, row["caption"]
        assert sign * MEASURES[pair](frames_THW3[::-1]) < 0, row["caption"]
        assert row["opposite"] == MOTIONS[motion].opposite


def test_symmetric_motions_show_and_have_no_opposite():
    for row in alone("blinks"):
        shown_T = ink_of(frames_of(row)).any((1, 2))
        assert shown_T.any()
        assert not shown_T[::2].all(), "every second frame alone must show it"
    for row in alone("hops"):
        y_T = centres(ink_of(frames_of(row)))[:, 1]
        assert y_T[3:5].max() < min(y_T[0], y_T[-1])
    for row in alone("shakes"):
        steps = np.diff(centres(ink_of(frames_of(row)))[:, 0])
        assert (steps > 1).any()
        assert (steps < -1).any()
        assert row["opposite"] is None


def test_boxes_hold_what_is_visible_and_never_meet():
    one = world(min_objects=2, max_objects=3, others="moving", motions=tuple(MOTIONS)[:-9])
    for index in range(25):
        row = one.row("train", index)
        for time, ink_HW in enumerate(ink_of(frames_of(row), 60)):
            boxes = [thing["boxes"][time] for thing in row["objects"] if thing["boxes"][time]]
            for x1, y1, x2, y2 in boxes:
                seen = np.argwhere(ink_HW[max(0, y1 - 1) : y2 + 1, max(0, x1 - 1) : x2 + 1])
                assert np.abs(np.ptp(seen, axis=0) + 1 - [y2 - y1, x2 - x1]).max() <= 2
                ink_HW[max(0, y1 - 1) : y2 + 1, max(0, x1 - 1) : x2 + 1] = False
            assert not ink_HW.any(), row["caption"]
            for a, b in ((a, b) for a in boxes for b in boxes if a is not b):
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_only_what_the_caption_says_moves():
    one = world(min_objects=2, max_objects=3)
    for index in range(30):
        row = one.row("test", index)
        first, *others = row["objects"]
        assert all(thing["motion"] == "stays still" for thing in others)
        for thing in others:
            x1, y1, x2, y2 = thing["boxes"][0]
            patch_T = frames_of(row)[:, y1:y2, x1:x2]
            assert (patch_T == patch_T[0]).all()
            assert f"a still {thing['colour']} {thing['name']}" in row["caption"]
        assert f"{first['colour']} {first['name']} {row['motion']}" in row["caption"]
        assert row["label"].endswith(f"{row['family']} {row['motion']}")


def pair_of(motion: str) -> str:
    return MOTIONS[motion].pair


def test_splits_keep_combinations_apart():
    one = world(others="moving", max_objects=3)
    rng = np.random.default_rng(0)
    clips_of = {split: [one.cast.draw(split, False, rng) for _ in range(500)] for split in one.options.rows}
    shown = [actor for actors in clips_of["train"] for actor in actors if actor.motion != "stays still"]
    by_name = {(pair_of(actor.motion), actor.thing.name) for actor in shown}
    by_family = {(pair_of(actor.motion), actor.thing.family) for actor in shown}
    for first, *others in clips_of["test"] + clips_of["unseen"]:
        held_out = (pair_of(first.motion), first.thing.family) in one.cast.left_out
        assert ((pair_of(first.motion), first.thing.family) not in by_family) == held_out
        assert (pair_of(first.motion), first.thing.name) not in by_name
        assert all(
            (pair_of(o.motion), o.thing.family) not in one.cast.left_out
            for o in others
            if o.motion in MOTIONS
        )
    assert all(
        (pair_of(first.motion), first.thing.family) in one.cast.left_out for first, *_ in clips_of["unseen"]
    )
    row = one.row("unseen", 0)
    assert (pair_of(row["motion"]), row["family"]) not in by_family


def test_default_classes_are_those_of_the_experiment():
    one = world()
    assert {split: len(classes) for split, classes in one.cast.classes.items()} == {
        "train": 64,
        "test": 64,
        "unseen": 16,
    }
    trained = {motion for motion, _ in one.cast.classes["train"]}
    assert trained == set(clips.Options().motions)


@pytest.mark.parametrize("split", ["train", "unseen"])
def test_false_captions_are_false_and_true_elsewhere(split):
    one = world(others="moving", max_objects=3, min_objects=2)
    rows = [one.row(split, index) for index in range(120)]
    kinds = set()
    for row in rows:
        first = row["objects"][0]
        for negative in row["negatives"]:
            kinds.add(negative["kind"])
            assert negative["text"] not in (row["caption"], *row["paraphrases"])
            if negative["kind"] == "reversed":
                assert negative["text"] == row["caption"].replace(row["motion"], row["opposite"], 1)
            if negative["kind"] == "colour":
                assert f"{first['colour']} {first['name']}" not in negative["text"]
            if negative["kind"] in ("motion", "reversed"):
                motion = next(name for name in MOTIONS if f"{first['name']} {name}" in negative["text"])
                assert one.cast.allowed(split, motion, find(first["name"]))
    assert kinds >= {"reversed", "object", "colour", "exchanged"}


def find(name: str):
    return next(thing for members in things().values() for thing in members if thing.name == name)


def test_a_row_is_a_pure_function_and_fits_the_schema():
    options = clips.Options(still=0.3, max_objects=3)
    first, second = clips.World(options), clips.World(options)
    rows = [first.row("train", index) for index in range(20)]
    assert rows[::-1] == [second.row("train", index) for index in range(19, -1, -1)]
    assert pa.Table.from_pylist(rows, schema=clips.SCHEMA).to_pylist() == rows
    assert clips.World(options.model_copy(update={"seed": 1})).row("train", 0) != rows[0]
    assert set(clips.COLUMNS) == set(clips.SCHEMA.names)


def test_still_rows_are_single_pictures_without_a_class():
    one = world(still=0.5, size=32, frames=4)
    rows = [one.row("train", index) for index in range(60)]
    still = [row for row in rows if row["still"]]
    assert 15 < len(still) < 45
    for row in rows:
        assert len(row["frames"]) == (1 if row["still"] else 4)
        assert (row["label"] is None) == row["still"]
        assert decode_png(row["frames"][0]).shape == (32, 32, 3)
    assert not any(one.row("test", index)["still"] for index in range(10))


def test_bad_options_are_refused_with_the_nearest_name():
    with pytest.raises(InputError, match="did you mean 'moves left'"):
        recipe_options("clips", {"motions": ["move left"]})
    with pytest.raises(InputError, match="min_objects 3 is more than max_objects 2"):
        recipe_options("clips", {"min_objects": 3})
    assert "unseen" not in clips.Options(hold_out=0).rows
