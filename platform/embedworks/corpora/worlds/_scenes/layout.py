"""Where things stand: sizes and places, drawn until everything has room.

The first two things, the decisive pair, are put into a clear relation to each other; the others stand where
there is room, now and then a little in front of or behind another.
"""

from __future__ import annotations

import math

import numpy as np

from embedworks.corpora.worlds._scenes.model import SIZES, Box, Plan
from embedworks.corpora.worlds._scenes.options import MARK_SCALE, SceneOptions
from embedworks.corpora.worlds._scenes.pools import pick

FULL = 0.72  # of the picture, covered by squares around the objects
BANDS = {"small": (0.0, 0.2), "medium": (0.4, 0.6), "large": (0.8, 1.0)}  # of the range of scales
ONE_SIZE = 1.4  # largest to smallest scale: below it, sizes are not worth a word
ARRANGEMENTS = ("beside",) * 14 + ("inside",) * 2 + ("over",) * 2 + ("free",) * 2
ALONG = 1.6  # times farther along the axis than across it; a bit more than a clear relation needs
OVERLAPPING, SHARED = 0.25, 0.3  # how often a further object may cover another's box, and how much of it
TRIES = 24

Size = tuple[str | None, int]  # word and pixels of the longer side
Shape = tuple[int, int]  # height, width


def draw_sizes(
    plan: Plan, options: SceneOptions, inner: int | None, rng: np.random.Generator
) -> list[Size]:
    """A size for each thing; smaller ones where there would be no room otherwise.

    Args:
        plan: What the sizes are for.
        options: Its options.
        inner: Which of the first two things is to have room inside the other, if one is.
        rng: The row's.
    """
    count = sum(not thing.mark for thing in plan.things)
    bands = [pick(SIZES, rng) for _ in range(count)]
    if options.focus:
        bands = ["large", *["small"] * (count - 1)]
    elif inner is not None:
        bands[inner], bands[1 - inner] = "small", "large"
    while count * options.min_scale**2 < FULL < sum(_scale(band, options) ** 2 for band in bands):
        largest = max(range(count), key=lambda index: SIZES.index(bands[index]))
        if bands[largest] == "small":
            break
        bands[largest] = SIZES[SIZES.index(bands[largest]) - 1]
    return [_size(band, options, rng) for band in bands] + _mark_size(plan, options)


def smallest(plan: Plan, options: SceneOptions) -> list[Size]:
    """The smallest size for each thing."""
    count = sum(not thing.mark for thing in plan.things)
    word = "small" if _several_sizes(options) else None
    return [(word, _pixels(options.min_scale, options))] * count + _mark_size(plan, options)


def draw_arrangement(plan: Plan, options: SceneOptions, rng: np.random.Generator) -> str:
    """How the first two things stand."""
    if len(plan.things) < 2 or plan.things[1].mark:
        return "free"
    found = pick(ARRANGEMENTS, rng)
    roomy = options.max_scale >= 1.8 * options.min_scale
    return "beside" if found == "inside" and (options.focus or not roomy) else found


def draw_boxes(
    shapes: list[Shape], arrangement: str, side: int, rng: np.random.Generator
) -> list[Box] | None:
    """A place for each thing; None if there was no room."""
    boxes = _first_two(shapes, arrangement, side, rng)
    for shape in shapes[len(boxes) :]:
        share = SHARED if rng.random() < OVERLAPPING else 0.0
        tried = (_anywhere(shape, side, rng) for _ in range(TRIES))
        box = next((box for box in tried if all(_share(box, other) <= share for other in boxes)), None)
        if box is None:
            return None
        boxes.append(box)
    return boxes


def grid_boxes(plan: Plan, shapes: list[Shape], side: int, rng: np.random.Generator) -> list[Box]:
    """A cell of a grid for each thing, with room for the smallest size; marks stand where cells meet."""
    count = sum(not thing.mark for thing in plan.things)
    across = math.ceil(math.sqrt(count))
    cells = rng.permutation(across * across)[:count].tolist()
    boxes = []
    for (height, width), cell in zip(shapes, cells, strict=False):
        left, top = cell % across * side // across, cell // across * side // across
        boxes.append(around(left + width / 2, top + height / 2, (height, width), side))
    return boxes + [around(side / across, side / across, shape, side) for shape in shapes[count:]]


def around(x: float, y: float, shape: Shape, side: int) -> Box:
    """A place around a point, moved into the picture."""
    left, top, right, bottom = _centred(x, y, shape)
    dx = max(0, -left) - max(0, right - side)
    dy = max(0, -top) - max(0, bottom - side)
    return left + dx, top + dy, right + dx, bottom + dy


def _several_sizes(options: SceneOptions) -> bool:
    return options.max_scale >= ONE_SIZE * options.min_scale


def _scale(band: str, options: SceneOptions, at: float = 0.5) -> float:
    """Of the picture's side."""
    low, high = BANDS[band]
    part = low + (high - low) * at if _several_sizes(options) else at
    return options.min_scale + part * (options.max_scale - options.min_scale)


def _size(band: str, options: SceneOptions, rng: np.random.Generator) -> Size:
    # Few sizes, so that drawings of each need not be scaled for every scene.
    scale = _scale(band, options, int(rng.random() * 3) / 2)
    return (band if _several_sizes(options) else None), _pixels(scale, options)


def _mark_size(plan: Plan, options: SceneOptions) -> list[Size]:
    return [(None, _pixels(MARK_SCALE, options)) for thing in plan.things if thing.mark]


def _pixels(scale: float, options: SceneOptions) -> int:
    return max(6, round(scale * options.size))


def _first_two(shapes: list[Shape], arrangement: str, side: int, rng: np.random.Generator) -> list[Box]:
    """The decisive pair, in the order of the things; nothing if it had no room."""
    if arrangement == "free":
        return []
    for _ in range(TRIES):
        second = _anywhere(shapes[1], side, rng)
        first = _next_to(second, shapes[0], arrangement, side, rng)
        if _within(first, side) and (arrangement != "over" or 0.1 < _share(first, second) < 0.5):
            return [first, second]
    return []


def _next_to(second: Box, shape: Shape, arrangement: str, side: int, rng: np.random.Generator) -> Box:
    """A place for the first thing, given the second; perhaps outside of the picture."""
    height, width = shape
    x, y = (second[0] + second[2]) / 2, (second[1] + second[3]) / 2
    if arrangement == "inside":
        slack_x, slack_y = (second[2] - second[0] - width) / 4, (second[3] - second[1] - height) / 4
        return _centred(x + slack_x * _either(rng), y + slack_y * _either(rng), shape)
    half = ((second[2] - second[0] + width) / 2, (second[3] - second[1] + height) / 2)
    if arrangement == "over":
        angle = 2 * math.pi * rng.random()
        reach = 0.45 + 0.35 * rng.random()
        return _centred(x + reach * half[0] * math.cos(angle), y + reach * half[1] * math.sin(angle), shape)
    axis, sign = int(rng.random() * 2), 1 if rng.random() < 0.5 else -1
    along = half[axis] + 0.5 + rng.random() * 0.25 * side
    across = _either(rng) * along / ALONG
    dx, dy = (sign * along, across) if axis == 0 else (across, sign * along)
    return _centred(x + dx, y + dy, shape)


def _either(rng: np.random.Generator) -> float:
    """Between -1 and 1."""
    return 2 * float(rng.random()) - 1


def _centred(x: float, y: float, shape: Shape) -> Box:
    height, width = shape
    left, top = round(x - width / 2), round(y - height / 2)
    return left, top, left + width, top + height


def _anywhere(shape: Shape, side: int, rng: np.random.Generator) -> Box:
    height, width = shape
    left, top = int(rng.random() * (side - width + 1)), int(rng.random() * (side - height + 1))
    return left, top, left + width, top + height


def _within(box: Box, side: int) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= side and box[3] <= side


def _share(a: Box, b: Box) -> float:
    """Of the smaller box that the other one covers."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return max(0, width) * max(0, height) / min(areas)
