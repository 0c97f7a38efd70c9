"""Fonts that come with what the platform needs anyway, and the ink of a word in one of them.

Pillow brings Aileron; matplotlib (which MLflow needs) brings DejaVu, STIX and Computer Modern.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from embedworks.corpora.recipe import need

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Coverage = npt.NDArray[np.uint8]  # _HW, 0 nothing to 255 all of the pixel
Family = Literal["dejavu-sans", "dejavu-serif", "dejavu-mono", "stix", "computer-modern", "aileron"]

# family -> its faces: the first for text, the second for what stands out, all for single words
FACES: dict[Family, tuple[str, ...]] = {
    "dejavu-sans": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    "dejavu-serif": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    "dejavu-mono": (
        "DejaVuSansMono",
        "DejaVuSansMono-Bold",
        "DejaVuSansMono-Oblique",
        "DejaVuSansMono-BoldOblique",
    ),
    "stix": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    "computer-modern": ("cmr10", "cmb10", "cmss10", "cmti10", "cmtt10"),
    "aileron": ("Aileron", "Aileron"),
}
FAMILIES: tuple[Family, ...] = tuple(FACES)
FAINTEST = 8  # coverage below it cannot be seen on every paper, so it is not drawn


class Ink(NamedTuple):
    """A word's ink, cut to where it is.

    Attributes:
        coverage_HW: How much of each pixel it covers.
        x: From the pen to the first column, in pixels.
        y: From the baseline to the first row; negative is above it.
    """

    coverage_HW: Coverage
    x: int
    y: int


@lru_cache(maxsize=256)
def font(face: str, size: int) -> FreeTypeFont:
    """A face at a size, in pixels. Basic layout: the other one is not in every build of Pillow."""
    from PIL import ImageFont

    if face == "Aileron":
        default: Any = ImageFont.load_default(size)
        aileron: FreeTypeFont = default.font_variant(layout_engine=ImageFont.Layout.BASIC)
        return aileron
    matplotlib: Any = need("matplotlib", "matplotlib")
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
    return ImageFont.truetype(str(file), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=65536)
def advance(face: str, size: int, text: str) -> int:
    """Pixels from a word's pen to where the next one's would be without a space."""
    return round(font(face, size).getlength(text))


@lru_cache(maxsize=32768)
def ink(face: str, size: int, text: str) -> Ink:
    """The ink of ``text``, which has some."""
    from PIL import Image, ImageDraw

    left, base = size, 2 * size  # room for what hangs over
    image = Image.new("L", (advance(face, size, text) + 2 * size, 4 * size))
    ImageDraw.Draw(image).text((left, base), text, fill=255, font=font(face, size), anchor="ls")
    coverage_HW = np.asarray(image)
    x1, y1, x2, y2 = ink_box(coverage_HW)
    cut_HW = np.where(coverage_HW < FAINTEST, 0, coverage_HW).astype(np.uint8)[y1:y2, x1:x2]
    return Ink(cut_HW, x1 - left, y1 - base)


def ink_box(coverage_HW: Coverage) -> tuple[int, int, int, int]:
    """Pixels xyxy, exclusive, around what can be seen of it."""
    seen_HW = coverage_HW >= FAINTEST
    rows, columns = np.flatnonzero(seen_HW.any(axis=1)), np.flatnonzero(seen_HW.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@lru_cache(maxsize=256)
def space(face: str, size: int) -> int:
    """Pixels between two words: half an n, for not every face has a space that shows."""
    return max(2, round(font(face, size).getlength("n") / 2))


def text_width(face: str, size: int, text: str) -> int:
    """Pixels of a line of words, from the first pen to the last advance."""
    words = text.split()
    return sum(advance(face, size, word) for word in words) + space(face, size) * (len(words) - 1)


def text_ink(face: str, size: int, text: str) -> tuple[int, int, int, int]:
    """Around the ink of a line of words: pixels xyxy from the first pen, on the baseline."""
    boxes, pen = [], 0
    for word in text.split():
        drawn = ink(face, size, word)
        high, wide = drawn.coverage_HW.shape
        boxes.append((pen + drawn.x, drawn.y, pen + drawn.x + wide, drawn.y + high))
        pen += advance(face, size, word) + space(face, size)
    x1, y1, x2, y2 = zip(*boxes, strict=True)
    return min(x1), min(y1), max(x2), max(y2)


def fitting(text: str, face: str, size: int, width: int, height: int) -> int:
    """The largest size up to ``size`` that fits."""
    while size > 1:
        x1, y1, x2, y2 = text_ink(face, size, text)
        if x2 - x1 <= width and y2 - y1 <= height:
            break
        size -= 1
    return size


def font_versions() -> str:
    """Of what the fonts come with and what draws them."""
    from PIL import __version__, features

    matplotlib = need("matplotlib", "matplotlib")
    return (
        f"Pillow {__version__} with FreeType {features.version('freetype2')}; "
        f"matplotlib {matplotlib.__version__}"
    )
