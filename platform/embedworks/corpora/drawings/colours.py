"""Named colours that people tell apart, and drawings in one of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "red": (220, 38, 38),
    "orange": (249, 140, 22),
    "yellow": (250, 214, 20),
    "green": (34, 160, 60),
    "blue": (37, 99, 235),
    "purple": (140, 60, 200),
    "pink": (250, 130, 190),
    "brown": (130, 78, 40),
}
GREYS: dict[str, Rgb] = {"black": (20, 20, 20), "white": (255, 255, 255), "grey": (140, 140, 140)}

LUMINANCE = np.array([0.299, 0.587, 0.114])  # of ITU-R BT.601
DARKEST = 0.12  # of the colour, for outlines
LIGHTEST = 90  # percentile of a drawing's luminance that becomes the colour itself


def tint(drawing_HW4: Pixels, rgb: Rgb) -> Pixels:
    """A drawing in shades of one colour: outlines stay dark, the lightest areas become the colour.

    Args:
        drawing_HW4: RGBA; its alpha is kept.
        rgb: The colour.
    """
    alpha_HW = drawing_HW4[..., 3]
    light_HW = drawing_HW4[..., :3] @ LUMINANCE / 255
    inside = light_HW[alpha_HW > 127]
    most = np.percentile(inside, LIGHTEST) if inside.size else 1.0
    shade_HW1 = np.clip(light_HW / max(most, 0.05), DARKEST, 1)[..., None]
    coloured_HW3 = np.rint(shade_HW1 * np.array(rgb)).astype(np.uint8)
    return np.concatenate([coloured_HW3, alpha_HW[..., None]], axis=-1)
