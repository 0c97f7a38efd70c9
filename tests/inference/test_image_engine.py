"""The image engine gives what the embedder gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from embedworks.dual import DualEmbedder, ImageSettings
from embedworks.errors import InputError
from embedworks.inference.images import ImageEngine
from embedworks.nn.image_tower import ConvConfig
from helpers.pictures import picture, tiny_dual

FILES = [picture(seed) for seed in range(5)]


def test_vectors_are_those_of_the_embedder_however_they_are_batched(tmp_path: Path) -> None:
    dual = tiny_dual(tmp_path)
    engine = ImageEngine(dual, "fp32")
    expected = dual.encode_images(FILES).numpy()
    np.testing.assert_allclose(engine.encode(FILES), expected, atol=1e-6)
    pixels = [engine.reader.read(data) for data in FILES]
    np.testing.assert_allclose(engine.finish(engine.vectors(pixels, max_images=2)), expected, atol=1e-6)
    np.testing.assert_allclose(
        engine.encode(FILES, dimensions=8), dual.encode_images(FILES, dimensions=8).numpy(), atol=1e-6
    )


def test_a_projection_is_applied(tmp_path: Path) -> None:
    text = tiny_dual(tmp_path).text
    dual = DualEmbedder(
        text, ConvConfig(widths=(8, 16), groups=8).build(), ImageSettings(size=24), nn.Linear(16, 32)
    )
    expected = dual.encode_images(FILES).numpy()
    np.testing.assert_allclose(ImageEngine(dual, "fp32").encode(FILES), expected, atol=1e-6)


def test_bfloat16_is_close_and_leaves_the_embedder_in_float32(tmp_path: Path) -> None:
    dual = tiny_dual(tmp_path)
    vectors = ImageEngine(dual, "bf16").encode(FILES)
    cosines = (vectors * dual.encode_images(FILES).numpy()).sum(1)
    assert cosines.min() > 0.99
    assert next(dual.image.parameters()).dtype == torch.float32


def test_no_images_and_what_is_no_image(tmp_path: Path) -> None:
    engine = ImageEngine(tiny_dual(tmp_path), "fp32")
    assert engine.encode([]).shape == (0, 32)
    with pytest.raises(InputError, match="image 1"):
        engine.encode([FILES[0], b"nothing"])
