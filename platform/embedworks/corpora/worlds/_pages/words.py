"""Crops of single words: in the middle of plain paper, or as a camera sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedworks.corpora.worlds._pages.fonts import FAINTEST, Coverage, fitting, ink, ink_box
from embedworks.corpora.worlds._pages.sheet import Box, Picture, Rgb, blend

ASPECT = 4  # width of a crop by its height
LETTERS = (0.5, 0.8)  # size of letters by the height
EDGE = 2  # pixels of paper around the word
SHIFT_X, SHIFT_Y = 0.04, 0.2  # how far corners go inwards, by width and by height
BLUR = 0.035  # largest radius, by the height
CONTRAST = 115  # of the mean lightness of a texture and of the ink on it


@dataclass(frozen=True)
class Crop:
    """A picture of one word.

    Attributes:
        picture_HW3: RGB.
        ground_HW3: The same without the word.
        coverage_HW: How much of each pixel is ink.
        size: Of the letters before they were seen askew, in pixels.
    """

    picture_HW3: Picture
    ground_HW3: Picture
    coverage_HW: Coverage
    size: int

    @property
    def box(self) -> Box:
        """Around the ink."""
        return ink_box(self.coverage_HW)


def draw_word(
    rng: np.random.Generator, text: str, face: str, height: int, colours: tuple[Rgb, Rgb], askew: bool
) -> Crop:
    """One word in the middle of a crop, or askew, blurred and on a texture.

    Args:
        rng: Of the row.
        text: The word.
        face: Of the letters.
        height: Of the crop in pixels; it is four times as wide.
        colours: Of paper and ink, where it is not askew.
        askew: Whether it is.
    """
    width = ASPECT * height
    size = fitting(text, face, round(height * rng.uniform(*LETTERS)), width - 2 * EDGE, height - 2 * EDGE)
    coverage_HW = _centred(text, face, size, width, height)
    if askew:
        coverage_HW = _blurred(_warped(coverage_HW, rng), rng.uniform(0, BLUR * height))
        ground_HW3, ink_colour = draw_texture(rng, width, height)
    else:
        ground_HW3, ink_colour = np.empty((height, width, 3), np.uint8), colours[1]
        ground_HW3[:] = colours[0]
    picture_HW3 = ground_HW3.copy()
    blend(picture_HW3, coverage_HW, (0, 0, width, height), ink_colour)
    return Crop(picture_HW3, ground_HW3, coverage_HW, size)


def draw_texture(rng: np.random.Generator, width: int, height: int) -> tuple[Picture, Rgb]:
    """A ground of waves and clouds, and the colour of an ink that is much lighter or darker than it."""
    from PIL import Image

    base_3 = rng.uniform(30, 225) + rng.uniform(-25, 25, 3)
    y_HW, x_HW = np.mgrid[:height, :width] / height
    wave_HW: npt.NDArray[np.float64] = np.zeros((height, width))
    for _ in range(rng.integers(1, 4)):
        turn, rate, phase = rng.uniform(0, np.pi), rng.uniform(1, 25), rng.uniform(0, 2 * np.pi)
        wave_HW += rng.uniform(3, 12) * np.sin(rate * (x_HW * np.cos(turn) + y_HW * np.sin(turn)) + phase)
    cells = rng.integers(0, 256, (max(2, height // 8), max(2, width // 8)), dtype=np.uint8)
    cloud = Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)
    wave_HW += (np.asarray(cloud) / 255 - 0.5) * rng.uniform(10, 50)
    ground_HW3 = base_3 + wave_HW[:, :, None] + rng.normal(0, rng.uniform(0, 6), (height, width, 1))
    lightness = float(base_3.mean())
    low, high = lightness - CONTRAST, lightness + CONTRAST
    dark = high > 240 or (low > 15 and rng.random() < 0.5)
    middle = rng.uniform(0, max(low, 1)) if dark else rng.uniform(min(high, 254), 255)
    red, green, blue = np.clip(middle + rng.uniform(-15, 15, 3), 0, 255).astype(int).tolist()
    return np.clip(np.rint(ground_HW3), 0, 255).astype(np.uint8), (red, green, blue)


def _centred(text: str, face: str, size: int, width: int, height: int) -> Coverage:
    drawn = ink(face, size, text)
    high, wide = drawn.coverage_HW.shape
    top, left = (height - high) // 2, (width - wide) // 2
    coverage_HW = np.zeros((height, width), np.uint8)
    coverage_HW[top : top + high, left : left + wide] = drawn.coverage_HW
    return coverage_HW


def _warped(coverage_HW: Coverage, rng: np.random.Generator) -> Coverage:
    """Seen askew: the corners go inwards, so that all of it stays in the picture."""
    from PIL import Image

    height, width = coverage_HW.shape
    corners_42 = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float64)
    inwards_42 = np.where(corners_42 > 0, -1, 1) * rng.uniform(0, 1, (4, 2))
    seen_42 = corners_42 + inwards_42 * (SHIFT_X * width, SHIFT_Y * height)
    image = Image.fromarray(coverage_HW).transform(
        (width, height),
        Image.Transform.PERSPECTIVE,
        _homography(seen_42, corners_42),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(image)


def _homography(from_42: npt.NDArray[np.float64], to_42: npt.NDArray[np.float64]) -> list[float]:
    """The eight numbers of the projective map that takes four points to four points."""
    rows, sides = [], []
    for (x, y), (u, v) in zip(from_42, to_42, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        sides += [u, v]
    solved: list[float] = np.linalg.solve(np.array(rows), np.array(sides)).tolist()
    return solved


def _blurred(coverage_HW: Coverage, radius: float) -> Coverage:
    from PIL import Image, ImageFilter

    image = Image.fromarray(coverage_HW).filter(ImageFilter.GaussianBlur(radius))
    blurred_HW = np.asarray(image)
    return np.where(blurred_HW < FAINTEST, 0, blurred_HW).astype(np.uint8)
