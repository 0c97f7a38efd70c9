"""PNG bytes to pixels: the same for our stream and for the limit."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

SIDE = 64


def decode(png: bytes) -> np.ndarray:
    """``(64, 64, 3)`` uint8."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))
