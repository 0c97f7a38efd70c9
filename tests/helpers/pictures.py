"""Small pictures and embedders that see them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from embedworks.dual import DualEmbedder, ImageSettings
from embedworks.embedder import Embedder
from embedworks.nn.image_tower import ConvConfig
from helpers.tiny import tiny_embedder


def picture(seed: int = 0, size: int = 24, format: str = "PNG", mode: str = "RGB") -> bytes:
    """The bytes of a file of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 4), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels, "RGBA").convert(mode).save(data, format=format)
    return data.getvalue()


def tiny_dual(folder: Path, width: int = 32, **settings: Any) -> DualEmbedder:
    """A dual embedder with random weights, saved in ``folder``."""
    text = Embedder.load(tiny_embedder(folder, width=width))
    tower = ConvConfig(widths=(8, 16, width), groups=8).build()
    dual = DualEmbedder(text, tower, ImageSettings(**{"size": 24, **settings}))
    dual.save(folder)
    return dual
