"""Pixels: of the size asked for, not blank, in the colour asked for."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.corpora.drawings.colours import COLOURS, tint
from embedworks.corpora.drawings.icons import FONTS, all_icons
from embedworks.corpora.drawings.png import decode_png, encode_png
from embedworks.corpora.drawings.raster import emoji_HW4, icon_mask_HW


@pytest.mark.parametrize("size", [16, 64, 97])
def test_an_emoji_has_the_size_asked_for_and_ink(size: int) -> None:
    pixels = emoji_HW4("1F436", size)
    assert pixels.shape == (size, size, 4)
    assert 0.2 < (pixels[..., 3] > 127).mean() < 0.9
    assert not pixels[0, 0, 3]


@pytest.mark.parametrize("font", FONTS)
def test_icons_of_every_font_are_centred_and_fill_their_square(font: str) -> None:
    for icon in all_icons(font)[::100]:
        mask = icon_mask_HW(font, icon.name, 64)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert 50 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 62, icon.name
        for filled in (rows, columns):
            assert abs(filled[0] + filled[-1] - 63) <= 3, icon.name


def test_a_tinted_drawing_keeps_its_shape_and_its_outlines_stay_dark() -> None:
    drawing = emoji_HW4("1F436", 64)
    for rgb in COLOURS.values():
        tinted = tint(drawing, rgb)
        assert (tinted[..., 3] == drawing[..., 3]).all()
        inside = tinted[drawing[..., 3] == 255][:, :3].astype(int)
        brightest = inside[inside.sum(1).argmax()]
        assert np.abs(brightest - rgb).max() <= 2
        assert inside.sum(1).min() < 0.4 * sum(rgb)


def test_png_gives_back_the_pixels() -> None:
    for shape in ((5, 7), (5, 7, 3), (5, 7, 4)):
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        data = encode_png(pixels)
        assert (decode_png(data) == pixels).all()
        assert data == encode_png(pixels.copy())
