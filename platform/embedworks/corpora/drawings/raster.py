"""Emoji and icons as pixels."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.drawings.emoji import drawings_folder
from embedworks.corpora.drawings.icons import find_icon, font_file
from embedworks.corpora.recipe import need

Pixels = NDArray[np.uint8]

FILLED = 0.92  # of a square's side that an icon's longer side fills
CACHED = 8192  # drawings of 64 pixels: 128 MiB

# Shape legend: H = W = size pixels, 4 channels RGBA.


@lru_cache(maxsize=CACHED)
def emoji_HW4(hexcode: str, size: int) -> Pixels:
    """An emoji, transparent around it; not to be written to.

    Args:
        hexcode: As :class:`.emoji.Emoji` has it.
        size: Pixels of its sides.
    """
    from PIL import Image

    resvg = need("resvg_py", "resvg_py")
    data = resvg.svg_to_bytes(svg_path=str(drawings_folder() / f"{hexcode}.svg"), width=size, height=size)
    pixels: Pixels = np.array(Image.open(io.BytesIO(bytes(data))).convert("RGBA"))
    pixels.setflags(write=False)
    return pixels


@lru_cache(maxsize=CACHED)
def icon_mask_HW(font: str, name: str, size: int) -> Pixels:
    """How much of each pixel an icon covers, 0 to 255; centred, not to be written to.

    Args:
        font: As :class:`.icons.Icon` has it.
        name: Of the icon.
        size: Pixels of its sides.

    Raises:
        InputError: for an unknown font or icon.
    """
    from PIL import Image

    character = chr(find_icon(font, name).code)
    # Fonts leave different room around their glyphs: the ink itself is what is made equally large.
    side = max(_ink(font, character, size).size)
    ink = _ink(font, character, max(1, int(size * size * FILLED / max(side, 1))))
    canvas = Image.new("L", (size, size))
    canvas.paste(ink, ((size - ink.width) // 2, (size - ink.height) // 2))
    pixels: Pixels = np.array(canvas)
    pixels.setflags(write=False)
    return pixels


def _ink(font: str, character: str, size: int) -> Any:
    """A glyph without any room around it."""
    from PIL import Image, ImageDraw

    canvas = Image.new("L", (4 * size, 4 * size))
    ImageDraw.Draw(canvas).text((size, size), character, fill=255, font=_font(font, size))
    return canvas.crop(canvas.getbbox())


@lru_cache(maxsize=512)
def _font(font: str, size: int) -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(str(font_file(font)), size)


def on_paper(drawing_HW4: Pixels, paper: tuple[int, int, int] = (255, 255, 255)) -> Pixels:
    """RGBA over a colour: ``(H, W, 3)``."""
    return blend(drawing_HW4[..., :3], drawing_HW4[..., 3], np.array(paper, np.uint8))


def inked(
    mask_HW: Pixels, ink: tuple[int, int, int], paper: tuple[int, int, int] = (255, 255, 255)
) -> Pixels:
    """A mask in one colour on another: ``(H, W, 3)``."""
    return blend(np.array(ink, np.uint8), mask_HW, np.array(paper, np.uint8))


def blend(above: Pixels, alpha_HW: Pixels, below: Pixels) -> Pixels:
    """``above`` over ``below``, both ``(H, W, 3)`` or a colour; alpha 255 hides what is below."""
    share_HW1 = alpha_HW[..., None].astype(np.float32) / 255
    mixed: Pixels = np.rint(above * share_HW1 + below * (1 - share_HW1)).astype(np.uint8)
    return mixed
