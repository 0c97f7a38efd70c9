"""Objects as small drawings: in their colour, pattern and state, cut to what is drawn.

Every drawing is made once at a large size and then once for each size that it is needed in; colours,
patterns and states are put on for each object, because there are far more combinations than objects.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.drawings.colours import COLOURS, tint
from embedworks.corpora.drawings.raster import emoji_HW4, icon_mask_HW
from embedworks.corpora.worlds._scenes.model import Thing
from embedworks.corpora.worlds._scenes.vocabulary import Concept

Pixels = NDArray[np.uint8]

SMALLEST = 128  # pixels of a square that a drawing is first made in, at least
INK = (60, 60, 60)  # of an icon without a colour
PERIOD = 0.24  # of a pattern, as a part of the longer side
MARKING = 0.62  # how much of a marked pixel is black or white
EDGE = 0.09  # width of an outline, as a part of the longer side
DARK = 70  # luminance of the lines that an outlined drawing keeps
GAP = 0.14  # width of a break, as a part of the longer side
TILT = 45  # degrees, counter-clockwise
LOOKED_AT = 48  # pixels, to see whether a drawing is turned
ALIKE = 0.75  # overlap of a drawing with itself turned: above it, nobody sees that it is turned

TURNED = ("upside-down", "tilted")

# Shape legend: H x W pixels, 4 channels RGBA with straight alpha.


def sprite_HW4(thing: Thing, side: int) -> Pixels:
    """A thing whose longer side has ``side`` pixels, cut to its box; not to be written to."""
    drawing_HW4 = _upright(thing.kind, thing.key, thing.state == "tilted", side)
    if thing.state == "upside-down":
        drawing_HW4 = drawing_HW4[::-1, ::-1]
    if thing.kind == "icon":
        drawing_HW4 = drawing_HW4.copy()
        drawing_HW4[..., :3] = COLOURS[thing.colour] if thing.colour else INK
    elif thing.colour:
        drawing_HW4 = tint(drawing_HW4, COLOURS[thing.colour])
    if thing.pattern != "plain":
        drawing_HW4 = _patterned(drawing_HW4, thing.pattern)
    if thing.state == "outlined":
        drawing_HW4 = _outlined(drawing_HW4, keep_lines=thing.kind == "emoji")
    if thing.state == "broken":
        drawing_HW4 = _broken(drawing_HW4)
    return drawing_HW4


def can_be(concept: Concept, state: str) -> bool:
    """Whether a concept can be seen to be in a state, as far as its emoji tells."""
    return state not in TURNED or turns_visibly("emoji", concept.hexcode, state)


@lru_cache(maxsize=4096)
def turns_visibly(kind: str, key: str, state: str) -> bool:
    """Whether a drawing looks different when it is upside-down or tilted, as a ball does not."""
    turned_HW4 = _upright(kind, key, state == "tilted", LOOKED_AT)
    turned_HW4 = turned_HW4[::-1, ::-1] if state == "upside-down" else turned_HW4
    upright_HW, turned_HW = _square(_upright(kind, key, False, LOOKED_AT)), _square(turned_HW4)
    return bool((upright_HW & turned_HW).sum() < ALIKE * (upright_HW | turned_HW).sum())


@lru_cache(maxsize=16384)
def _upright(kind: str, key: str, tilted: bool, side: int) -> Pixels:
    """A drawing at a size, in its own colours, cut to its box."""
    large = _large(kind, key, tilted, max(SMALLEST, 1 << (2 * side - 1).bit_length()))
    small = _scaled(large, side)
    # Fine tips fade when they are made small: what is left is to be as long as was asked for.
    box = _ink(small)
    length = max(box[2] - box[0], box[3] - box[1])
    if length < side:
        small = _scaled(large, min(round(side * side / length), round(1.2 * side)))
    pixels: Pixels = np.array(small.convert("RGBA").crop(_ink(small)))
    pixels.setflags(write=False)
    return pixels


def _scaled(large: Any, side: int) -> Any:
    """With a longer side of so many pixels."""
    from PIL import Image

    scale = side / max(large.size)
    width, height = (max(1, round(length * scale)) for length in large.size)
    return large.resize((width, height), Image.Resampling.BOX)


@lru_cache(maxsize=2048)
def _large(kind: str, key: str, tilted: bool, size: int) -> Any:
    """A Pillow image cut to its box; with premultiplied alpha, as scaling needs it."""
    from PIL import Image

    if kind == "icon":
        font, name = key.split(":")
        mask_HW = icon_mask_HW(font, name, size)
        pixels_HW4 = np.stack([np.zeros_like(mask_HW)] * 3 + [mask_HW], axis=-1)
    else:
        pixels_HW4 = emoji_HW4(key, size)
    large = Image.fromarray(pixels_HW4).convert("RGBa")
    if tilted:
        large = large.rotate(TILT, Image.Resampling.BICUBIC, expand=True)
    return large.crop(_ink(large))


def _ink(image: Any) -> tuple[int, int, int, int]:
    """The box of what is at least half opaque."""
    box: tuple[int, int, int, int] = image.getchannel(3).point(lambda alpha: 255 * (alpha > 127)).getbbox()
    return box


def _square(drawing_HW4: Pixels) -> NDArray[np.bool_]:
    """What is opaque, in the middle of a square."""
    side = 2 * LOOKED_AT
    height, width = drawing_HW4.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    square_HW = np.zeros((side, side), bool)
    square_HW[top : top + height, left : left + width] = drawing_HW4[..., 3] > 127
    return square_HW


def _patterned(drawing_HW4: Pixels, pattern: str) -> Pixels:
    """Black or white marks, whichever shows on the drawing."""
    height, width = drawing_HW4.shape[:2]
    alpha_HW = drawing_HW4[..., 3]
    bright = drawing_HW4[..., 1][alpha_HW > 127].mean() > 110 if alpha_HW.any() else False
    marks_HW1 = MARKING * _marks(pattern, height, width)[..., None]
    marked_HW4 = drawing_HW4.copy()
    shade = 0 if bright else 255
    marked_HW4[..., :3] = drawing_HW4[..., :3] * (1 - marks_HW1) + shade * marks_HW1
    return marked_HW4


@lru_cache(maxsize=1024)
def _marks(pattern: str, height: int, width: int) -> NDArray[np.float32]:
    """How much of each pixel a pattern marks, 0 to 1."""
    period = max(4.0, PERIOD * max(height, width))
    y_HW, x_HW = np.mgrid[:height, :width].astype(np.float32) + 0.5
    u_HW, v_HW = np.cos(np.pi * x_HW / period), np.cos(np.pi * y_HW / period)
    wave_HW = {
        "striped": 2 * np.cos(2 * np.pi * (x_HW + y_HW) / (period * 1.4)),
        "checkered": 4 * u_HW * v_HW,
        "dotted": 4 * (np.abs(u_HW * v_HW) - 0.55),
    }[pattern]
    marks_HW: NDArray[np.float32] = np.clip(0.5 + wave_HW, 0, 1)
    return marks_HW


def _outlined(drawing_HW4: Pixels, keep_lines: bool) -> Pixels:
    """The edge, and the dark lines if they are to be kept; transparent between them."""
    alpha_HW = drawing_HW4[..., 3]
    width = max(1, round(EDGE * max(alpha_HW.shape)))
    eroded_HW = np.pad(alpha_HW, width)
    for axis in (0, 1):
        eroded_HW = np.minimum.reduce([np.roll(eroded_HW, step, axis) for step in range(-width, width + 1)])
    inner_HW = eroded_HW[width:-width, width:-width]
    outlined_HW4 = drawing_HW4.copy()
    dark_HW = keep_lines & (drawing_HW4[..., :3].max(-1) < DARK)
    outlined_HW4[..., 3] = np.where(dark_HW, alpha_HW, alpha_HW - inner_HW)
    return outlined_HW4


def _broken(drawing_HW4: Pixels) -> Pixels:
    """Two halves with a jagged gap between them."""
    height, width = drawing_HW4.shape[:2]
    along = np.arange(width) if width <= height else np.arange(height)
    size = max(height, width)
    jag = np.abs(along % (tooth := max(4, size // 3)) - tooth / 2) / tooth - 0.25
    middle = size / 2 + jag * 0.35 * size
    across = np.arange(size)[:, None]
    gap = np.clip(GAP * size / 2 + 0.5 - np.abs(across + 0.5 - middle), 0, 1)
    gap_HW = gap if width <= height else gap.T
    broken_HW4 = drawing_HW4.copy()
    broken_HW4[..., 3] = drawing_HW4[..., 3] * (1 - gap_HW)
    return broken_HW4
