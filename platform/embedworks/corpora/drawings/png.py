"""Arrays to PNG bytes and back: the same bytes for the same pixels under one version of Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

COMPRESSION = 2  # of 9: drawings have few colours, and more takes far longer for little

# Shape legend: H rows and W columns of pixels, then 3 (RGB) or 4 (RGBA) channels; none is grey.


def encode_png(pixels: Pixels) -> bytes:
    """``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)`` uint8 to PNG, without metadata."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(data, format="PNG", compress_level=COMPRESSION)
    return data.getvalue()


def decode_png(data: bytes) -> Pixels:
    """PNG to an array as :func:`encode_png` took it."""
    from PIL import Image

    image: Any = Image.open(io.BytesIO(data))
    return np.array(image)
