"""Frames of a clip: where things are placed, and what each frame looks like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.drawings.colours import COLOURS, tint
from embedworks.corpora.drawings.raster import emoji_HW4
from embedworks.corpora.worlds._clips.cast import Actor
from embedworks.corpora.worlds._clips.motions import Floats, Track

Pixels = NDArray[np.uint8]
Box = list[int] | None

LARGE = 192  # pixels that a drawing is made at
LEVELS = (16, 24, 32, 48, 64, 96, 128, LARGE)  # longer sides that it is kept at
SIZES = {1: (0.3, 0.44), 2: (0.24, 0.34), 3: (0.2, 0.28)}  # longer side by the number of things
MARGIN = 1.5  # pixels between things, and to the edge
TRIES = 24  # places before things are made smaller
SMALLER = 0.9
BORDER = 1  # transparent pixels around a drawing, so that its edges are smooth
VISIBLE = 64  # alpha, of 255
PALE = (205, 256)  # of a background's channels

# Shape legend: T frames of H x W = size x size pixels; 3 channels RGB, 4 RGBA with premultiplied alpha.


@dataclass(frozen=True)
class Placed:
    """A thing in its clip; lengths in parts of the picture's side.

    Attributes:
        actor: Who.
        track: What happens to it.
        x: Its centre, where the track has ``dx_T`` 0.
        y: Likewise.
        side: Its longer side at its largest.
    """

    actor: Actor
    track: Track
    x: float
    y: float
    side: float

    def reach_T4(self) -> Floats:
        """Boxes that it stays within, frame by frame, whatever its shape."""
        around_T4 = reach_T4(self.actor, self.track, self.side)
        return np.add(around_T4, (self.x, self.y, self.x, self.y))


def place(actors: list[Actor], tracks: list[Track], size: int, rng: np.random.Generator) -> list[Placed]:
    """Things where they never touch each other nor the edge."""
    scale = 1.0
    while True:
        for _ in range(TRIES):
            placed = _try(actors, tracks, scale, MARGIN / size, rng)
            if placed is not None:
                return placed
        scale *= SMALLER


def reach_T4(actor: Actor, track: Track, side: float) -> Floats:
    """Boxes [x1, y1, x2, y2] around (0, 0) that hold a thing's ink."""
    width, height = _shape(actor.thing.hexcode)
    half_w_T, half_h_T = track.wide_T * width * side / 2, track.high_T * height * side / 2
    turn_T = np.radians(track.angle_T)
    cos_T, sin_T = np.abs(np.cos(turn_T)), np.abs(np.sin(turn_T))
    x_T = half_w_T * cos_T + half_h_T * sin_T + 2 * track.blur_T
    y_T = half_w_T * sin_T + half_h_T * cos_T + 2 * track.blur_T
    corners = (track.dx_T - x_T, track.dy_T - y_T, track.dx_T + x_T, track.dy_T + y_T)
    return np.stack(corners, axis=-1)


def draw_T(
    placed: list[Placed], size: int, rng: np.random.Generator
) -> tuple[list[Pixels], list[list[Box]]]:
    """Frames, and for every thing its box in every frame: None where none of it is visible."""
    frames: list[Pixels] = []
    boxes: list[list[Box]] = [[] for _ in placed]
    ground_HW3 = np.broadcast_to(rng.integers(*PALE, 3).astype(np.uint8), (size, size, 3))
    for time in range(len(placed[0].track.dx_T)):
        frame_HW3 = ground_HW3.astype(np.float32)
        for number, one in enumerate(placed):
            ink_HW4 = _ink_HW4(one, time, size)
            boxes[number].append(_box(ink_HW4))
            if ink_HW4 is not None:
                frame_HW3 *= 1 - ink_HW4[..., 3:] / 255
                frame_HW3 += ink_HW4[..., :3]
        frames.append(np.rint(frame_HW3.clip(0, 255)).astype(np.uint8))
    return frames, boxes


def _try(
    actors: list[Actor], tracks: list[Track], scale: float, margin: float, rng: np.random.Generator
) -> list[Placed] | None:
    """Things at random places; None if one does not fit or they meet."""
    placed: list[Placed] = []
    for actor, track in zip(actors, tracks, strict=True):
        side = scale * rng.uniform(*SIZES[len(actors)])
        spot = _spot(reach_T4(actor, track, side), margin, rng)
        if spot is None:
            return None
        new = Placed(actor, track, *spot, side)
        if any(_meet(new.reach_T4(), other.reach_T4(), margin) for other in placed):
            return None
        placed.append(new)
    return placed


def _spot(reach_T4: Floats, margin: float, rng: np.random.Generator) -> tuple[float, float] | None:
    """A centre for which all boxes are in the picture."""
    low_2 = margin - reach_T4[:, :2].min(0)
    high_2 = 1 - margin - reach_T4[:, 2:].max(0)
    if (low_2 > high_2).any():
        return None
    x, y = rng.uniform(low_2, high_2)
    return float(x), float(y)


def _meet(one_T4: Floats, other_T4: Floats, margin: float) -> bool:
    gap_T2 = np.maximum(one_T4[:, :2] - other_T4[:, 2:], other_T4[:, :2] - one_T4[:, 2:])
    return bool((gap_T2.max(-1) < margin).any())


def _ink_HW4(one: Placed, time: int, size: int) -> Floats | None:
    """What a thing adds to a frame; None where it is not there."""
    from PIL import Image, ImageFilter

    track = one.track
    if not track.shown_T[time]:
        return None
    width, height = _shape(one.actor.thing.hexcode)
    wide, high = track.wide_T[time] * width, track.high_T[time] * height  # in parts of the longer side
    pixels = one.side * size
    image = _sprite(one.actor.thing.hexcode, one.actor.colour, _level(pixels * max(wide, high)))
    centre = ((one.x + track.dx_T[time]) * size, (one.y + track.dy_T[time]) * size)
    data = _inverse(image.size, (pixels * wide, pixels * high), centre, track.angle_T[time])
    drawn = image.transform((size, size), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    if track.blur_T[time]:
        drawn = drawn.filter(ImageFilter.GaussianBlur(float(track.blur_T[time] * size)))
    ink_HW4: Floats = np.asarray(drawn).astype(np.float32)
    ink_HW4[..., :3] *= track.light_T[time]
    if track.cover_T[time]:
        ink_HW4 *= _cover_HW1(track, time, centre, (pixels * wide, pixels * high), size)
    return ink_HW4


def _inverse(
    source: tuple[int, int], target: tuple[float, float], centre: tuple[float, float], angle: float
) -> tuple[float, ...]:
    """Pillow's affine coefficients, from pixels of the frame to those of the drawing."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    across, down = ((source[axis] - 2 * BORDER) / target[axis] for axis in (0, 1))
    a, b, d, e = across * cos, across * sin, -down * sin, down * cos
    x, y = centre
    return (a, b, source[0] / 2 - a * x - b * y, d, e, source[1] / 2 - d * x - e * y)


def _cover_HW1(
    track: Track, time: int, centre: tuple[float, float], target: tuple[float, float], size: int
) -> Floats:
    """How much of each pixel is not hidden: 0 before a straight edge, 1 behind it."""
    axis = track.side % 2
    edge = target[axis] * (track.cover_T[time] - 0.5)
    along = np.arange(size) + 0.5 - centre[axis]
    open_W: Floats = np.clip((along if track.side < 2 else -along) - edge + 0.5, 0, 1)
    return open_W[None, :, None] if axis == 0 else open_W[:, None, None]


def _box(ink_HW4: Floats | None) -> Box:
    """[x1, y1, x2, y2] of the visible pixels, x2 and y2 exclusive; None if there are none."""
    if ink_HW4 is None:
        return None
    seen_HW = ink_HW4[..., 3] >= VISIBLE
    rows, columns = np.flatnonzero(seen_HW.any(1)), np.flatnonzero(seen_HW.any(0))
    if not rows.size:
        return None
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def _level(pixels: float) -> int:
    return next((level for level in LEVELS if level >= pixels), LARGE)


@lru_cache(maxsize=256)
def _shape(hexcode: str) -> tuple[float, float]:
    """Width and height in parts of the longer side."""
    width, height = _large(hexcode).size
    return width / max(width, height), height / max(width, height)


@lru_cache(maxsize=256)
def _large(hexcode: str) -> Any:
    """A drawing in its own colours, straight alpha, cut to its ink."""
    from PIL import Image

    image = Image.fromarray(emoji_HW4(hexcode, LARGE))
    return image.crop(image.getchannel(3).point(lambda alpha: 255 * (alpha > 127)).getbbox())


@lru_cache(maxsize=8192)
def _sprite(hexcode: str, colour: str, level: int) -> Any:
    """A drawing in a colour with premultiplied alpha, its longer side ``level`` pixels and a border."""
    from PIL import Image

    large = Image.fromarray(tint(np.asarray(_large(hexcode)), COLOURS[colour])).convert("RGBa")
    scale = level / max(large.size)
    size = [max(1, round(length * scale)) for length in large.size]
    small_HW4 = np.asarray(large.resize(size, Image.Resampling.BOX))
    padded_HW4 = np.pad(small_HW4, ((BORDER, BORDER), (BORDER, BORDER), (0, 0)))
    return Image.frombytes("RGBa", padded_HW4.shape[1::-1], padded_HW4.tobytes())
