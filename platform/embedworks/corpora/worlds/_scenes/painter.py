"""From a plan to a picture and its truth: draws until every object is seen well enough."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.worlds._scenes.background import Backgrounds
from embedworks.corpora.worlds._scenes.contacts import contacts
from embedworks.corpora.worlds._scenes.layout import (
    Size,
    draw_arrangement,
    draw_boxes,
    draw_sizes,
    grid_boxes,
    smallest,
)
from embedworks.corpora.worlds._scenes.model import Box, Placed, Plan, Scene, Thing
from embedworks.corpora.worlds._scenes.options import SceneOptions
from embedworks.corpora.worlds._scenes.sprites import TURNED, can_be, sprite_HW4, turns_visibly

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

LAYOUTS = 12  # tried before the smallest sizes are put on a grid
MIN_VISIBLE = 0.5  # of an object's pixels
OPAQUE = 127  # alpha above which a pixel is an object's

# Shape legend: H = W = side of the picture; h x w pixels of one object.


@dataclass(frozen=True)
class Layout:
    """Where everything is.

    Attributes:
        sizes: Of each thing.
        boxes: Of each drawing.
        depths: Of each thing, 0 is the backmost.
    """

    sizes: list[Size]
    boxes: list[Box]
    depths: list[int]


@dataclass(frozen=True)
class Picture:
    """A drawn scene.

    Attributes:
        image_HW3: The picture.
        mask_HW: 0 where the background is seen, k + 1 where object k is.
        scene: Its truth.
        layout: Where everything is.
        backdrop_HW3: The background alone.
    """

    image_HW3: Pixels
    mask_HW: Pixels
    scene: Scene
    layout: Layout
    backdrop_HW3: Pixels


class Painter:
    """Draws plans."""

    def __init__(self, options: SceneOptions) -> None:
        self.options = options
        self.backgrounds = Backgrounds(options.size, options.seed)

    def paint(self, plan: Plan, rng: np.random.Generator) -> Picture:
        """A picture of a plan, in which at least half of every object is seen."""
        plan = replace(plan, things=tuple(_turned(thing) for thing in plan.things))
        backdrop_HW3 = self.backgrounds.draw(plan.background, rng)
        for attempt in range(LAYOUTS):
            layout = self._layout(plan, rng, crowded=attempt >= LAYOUTS // 2)
            picture = layout and self.compose(plan, layout, backdrop_HW3)
            if picture and all(_seen(each) for each in picture.scene.objects):
                return picture
        return self.compose(plan, self._grid(plan, rng), backdrop_HW3)

    def compose(self, plan: Plan, layout: Layout, backdrop_HW3: Pixels) -> Picture:
        """The things of a plan where a layout puts them."""
        image_HW3 = backdrop_HW3.copy()
        mask_HW = np.zeros(image_HW3.shape[:2], np.uint8)
        solid: dict[int, Mask] = {}
        for index in np.argsort(layout.depths).tolist():
            drawing_hw4 = sprite_HW4(plan.things[index], layout.sizes[index][1])
            solid[index] = _put(image_HW3, mask_HW, drawing_hw4, layout.boxes[index], index + 1)
        placed = tuple(
            _placed(mask_HW, thing, layout, index, solid[index]) for index, thing in enumerate(plan.things)
        )
        scene = Scene(self.options.size, placed, plan, *contacts(layout.boxes, solid))
        return Picture(image_HW3, mask_HW, scene, layout, backdrop_HW3)

    def _layout(self, plan: Plan, rng: np.random.Generator, crowded: bool) -> Layout | None:
        """One attempt; ``crowded`` if things have to be small."""
        arrangement = "free" if crowded else draw_arrangement(plan, self.options, rng)
        first = int(
            rng.random() * 2
        )  # of the decisive pair, the one that is put beside, upon or over the other
        inner = first if arrangement == "inside" else None
        sizes = smallest(plan, self.options) if crowded else draw_sizes(plan, self.options, inner, rng)
        order = [first, 1 - first, *range(2, len(sizes))] if len(sizes) > 1 else [0]
        shapes = [shape_of(plan.things[index], sizes[index]) for index in order]
        found = draw_boxes(shapes, arrangement, self.options.size, rng)
        if found is None:
            return None
        depths = self._depths(plan, rng)
        if inner is not None and depths[inner] < depths[1 - inner]:
            depths[:2] = depths[1::-1]
        return Layout(sizes, [found[order.index(index)] for index in range(len(sizes))], depths)

    def _grid(self, plan: Plan, rng: np.random.Generator) -> Layout:
        sizes = smallest(plan, self.options)
        shapes = [shape_of(thing, size) for thing, size in zip(plan.things, sizes, strict=True)]
        return Layout(sizes, grid_boxes(plan, shapes, self.options.size, rng), self._depths(plan, rng))

    def _depths(self, plan: Plan, rng: np.random.Generator) -> list[int]:
        """At random, a mark in front of all."""
        keys = [rng.random() + thing.mark for thing in plan.things]
        return [int(depth) for depth in np.argsort(np.argsort(keys))]


def _turned(thing: Thing) -> Thing:
    """A thing that looks the same when it is turned is upright."""
    turned = thing.state not in TURNED or (
        can_be(thing.concept, thing.state) and turns_visibly(thing.kind, thing.key, thing.state)
    )
    return thing if turned else replace(thing, state="upright")


def shape_of(thing: Thing, size: Size) -> tuple[int, int]:
    """Height and width of its drawing."""
    height, width = sprite_HW4(thing, size[1]).shape[:2]
    return height, width


def _put(image_HW3: Pixels, mask_HW: Pixels, drawing_hw4: Pixels, box: Box, label: int) -> Mask:
    """Draw an object; returns its pixels."""
    x1, y1, x2, y2 = box
    share_hw1 = drawing_hw4[..., 3:].astype(np.float32) / 255
    below_hw3 = image_HW3[y1:y2, x1:x2]
    below_hw3[:] = np.rint(drawing_hw4[..., :3] * share_hw1 + below_hw3 * (1 - share_hw1))
    solid_hw = drawing_hw4[..., 3] > OPAQUE
    mask_HW[y1:y2, x1:x2][solid_hw] = label
    return solid_hw


def _placed(mask_HW: Pixels, thing: Thing, layout: Layout, index: int, solid_hw: Mask) -> Placed:
    """An object as it is seen: the box of its visible pixels."""
    x1, y1, x2, y2 = box = layout.boxes[index]
    size, depth = layout.sizes[index][0], layout.depths[index]
    seen_hw = mask_HW[y1:y2, x1:x2] == index + 1
    seen = _tight(box, seen_hw) if seen_hw.any() else (x1, y1, x1, y1)
    return Placed(thing, size, seen, _tight(box, solid_hw), depth, int(seen_hw.sum()), int(solid_hw.sum()))


def _tight(box: Box, mask_hw: Mask) -> Box:
    """Of the pixels of a mask that stands in a box."""
    columns, rows = np.flatnonzero(mask_hw.any(0)), np.flatnonzero(mask_hw.any(1))
    x1, y1 = box[:2]
    return x1 + int(columns[0]), y1 + int(rows[0]), x1 + int(columns[-1]) + 1, y1 + int(rows[-1]) + 1


def _seen(placed: Placed) -> bool:
    return placed.area >= MIN_VISIBLE * placed.whole
