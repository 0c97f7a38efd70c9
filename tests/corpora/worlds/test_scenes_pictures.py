"""What the truth columns of scenes say is what the pixels show."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scene_reader import loosely, strictly

from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.drawings.png import decode_png
from embedworks.corpora.worlds import scenes

VARIANTS: tuple[dict[str, Any], ...] = (
    {"max_objects": 5},
    {"kinds": "both", "patterns": True, "states": True, "background": "any", "max_objects": 5},
    {"size": 96, "min_objects": 5, "max_objects": 7, "min_scale": 0.15},
    {"size": 48, "marks": 20, "min_scale": 0.4, "max_scale": 0.6, "background": "textured"},
)
ROWS = 20
OPPOSITE = {
    "left of": "right of",
    "above": "below",
    "inside": "around",
    "in front of": "behind",
    "larger than": "smaller than",
}
OPPOSITE |= {b: a for a, b in OPPOSITE.items()}


@lru_cache
def _rows(variant: int) -> tuple[dict[str, Any], ...]:
    world = scenes.World(scenes.Options.model_validate(VARIANTS[variant]))
    return tuple(world.row("train", index) for index in range(ROWS))


each_variant = pytest.mark.parametrize("variant", range(len(VARIANTS)))


@each_variant
def test_a_box_encloses_exactly_the_pixels_of_its_object(variant: int) -> None:
    for row in _rows(variant):
        mask_HW = decode_png(row["mask"])
        assert set(np.unique(mask_HW)) - {0} == set(range(1, len(row["objects"]) + 1))
        for label, each in enumerate(row["objects"], 1):
            ys, xs = np.nonzero(mask_HW == label)
            assert each["box"] == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            assert each["area"] == len(ys)


@each_variant
def test_at_least_half_of_every_object_is_seen_and_its_extent_holds_its_box(variant: int) -> None:
    for row in _rows(variant):
        side = decode_png(row["mask"]).shape[0]
        for each in row["objects"]:
            assert 0.5 <= each["visible"] <= 1
            x1, y1, x2, y2 = each["extent"]
            assert 0 <= x1 <= each["box"][0]
            assert 0 <= y1 <= each["box"][1]
            assert each["box"][2] <= x2 <= side
            assert each["box"][3] <= y2 <= side
            assert each["visible"] < 1 or each["box"] == each["extent"]


@each_variant
def test_depths_count_the_objects_from_the_back(variant: int) -> None:
    for row in _rows(variant):
        assert sorted(each["depth"] for each in row["objects"]) == list(range(len(row["objects"])))


@each_variant
def test_what_is_partly_hidden_has_something_deeper_in_the_stack_over_it(variant: int) -> None:
    for row in _rows(variant):
        for each in row["objects"]:
            if each["visible"] < 1:
                x1, y1, x2, y2 = each["extent"]
                assert any(
                    other["depth"] > each["depth"]
                    and min(x2, other["extent"][2]) > max(x1, other["extent"][0])
                    and min(y2, other["extent"][3]) > max(y1, other["extent"][1])
                    for other in row["objects"]
                )


def test_pixels_of_an_object_have_its_colour_and_the_others_the_background() -> None:
    for row in _rows(0):
        image_HW3, mask_HW = decode_png(row["image"]).astype(float), decode_png(row["mask"])
        pale = 255 - 0.3 * (255 - np.array(COLOURS[row["background"]["colour"]]))
        far_HW = _eroded(mask_HW == 0)
        assert np.quantile(np.abs(image_HW3[far_HW] - pale), 0.98) <= 2  # the rest are fading tips
        for label, each in enumerate(row["objects"], 1):
            pixels_N3 = image_HW3[mask_HW == label]
            assert _nearest(pixels_N3) == each["colour"], each


def _nearest(pixels_N3: NDArray[np.float64]) -> str:
    """The named colour that most of the brighter pixels are a shade of."""
    bright_N3 = pixels_N3[pixels_N3.max(1) >= np.percentile(pixels_N3.max(1), 60)]
    middle_3 = np.median(bright_N3, axis=0)
    rgb_83 = np.array(list(COLOURS.values()), float)
    shades = middle_3 @ rgb_83.T / (rgb_83**2).sum(1)
    distance = np.abs(middle_3 - np.clip(shades, 0, 1)[:, None] * rgb_83).sum(1)
    return list(COLOURS)[int(distance.argmin())]


def _eroded(mask_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without the pixels beside others, which edges are blended into."""
    padded = np.pad(mask_HW, 1, constant_values=True)
    height, width = mask_HW.shape
    return np.logical_and.reduce(
        [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    )


@each_variant
def test_relations_hold_between_the_boxes(variant: int) -> None:
    for row in _rows(variant):
        for each in row["relations"]:
            assert strictly(each["predicate"], row, each["subject"], each["object"]), (row["id"], each)


@each_variant
def test_relations_are_given_both_ways(variant: int) -> None:
    for row in _rows(variant):
        given = {(each["subject"], each["predicate"], each["object"]) for each in row["relations"]}
        assert given == {(o, OPPOSITE.get(predicate, predicate), s) for s, predicate, o in given}
        assert len(given) == len(row["relations"])
        assert not {(s, OPPOSITE.get(predicate), o) for s, predicate, o in given} & given


@each_variant
def test_no_clear_direction_is_left_out(variant: int) -> None:
    for row in _rows(variant):
        given = {(each["subject"], each["predicate"], each["object"]) for each in row["relations"]}
        for i, a in enumerate(row["objects"]):
            for j, b in enumerate(row["objects"]):
                if (
                    i != j
                    and a["box"][2] <= b["box"][0]
                    and a["box"][1] == b["box"][1]
                    and a["box"][3] == b["box"][3]
                ):
                    assert (i, "left of", j) in given
                if not loosely("near", row, i, j):
                    assert (i, "near", j) not in given


def test_things_that_touch_meet_without_covering_each_other() -> None:
    touching = 0
    for row in _rows(2):
        mask_HW = np.pad(decode_png(row["mask"]), 1)
        for each in row["relations"]:
            if each["predicate"] == "touching":
                touching += 1
                one_HW = mask_HW == each["subject"] + 1
                grown_HW = ~_eroded(~one_HW)
                assert (grown_HW & (mask_HW == each["object"] + 1)).any(), row["id"]
    assert touching


def test_backgrounds_are_smooth_textured_or_cluttered() -> None:
    world = scenes.World(scenes.Options(background="any", min_objects=1, max_objects=1))
    colours: dict[str, list[int]] = {"plain": [], "textured": [], "clutter": []}
    for index in range(40):
        row = world.row("train", index)
        x1, y1, x2, y2 = row["objects"][0]["extent"]
        outside_HW = np.ones((64, 64), bool)
        outside_HW[max(0, y1 - 2) : y2 + 2, max(0, x1 - 2) : x2 + 2] = False
        grey_N = decode_png(row["image"]).astype(int)[outside_HW]
        spread = int((np.quantile(grey_N, 0.98, axis=0) - np.quantile(grey_N, 0.02, axis=0)).max())
        colours[row["background"]["kind"]].append(spread)
    assert max(colours["plain"]) == 0
    assert min(colours["textured"]) > 5
    assert np.mean(colours["clutter"]) > np.mean(colours["textured"])


def test_objects_are_seen_where_there_is_hardly_room() -> None:
    tight = {"size": 50, "min_scale": 0.5, "max_scale": 0.5, "min_objects": 4, "marks": 3}
    world = scenes.World(scenes.Options.model_validate(tight))
    for index in range(20):
        assert all(each["visible"] >= 0.5 for each in world.row("train", index)["objects"])
