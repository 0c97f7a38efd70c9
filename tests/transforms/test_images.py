"""Pictures to pixels: exact where nothing is to be done, seeded where something is random."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from embedworks.errors import InputError
from embedworks.transforms.images import ImageReader, decode, stack_pixels
from helpers.pictures import picture


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_picture_of_the_right_size_is_read_pixel_by_pixel() -> None:
    data = picture()
    expected = np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1)
    assert (ImageReader(24).read(data) == expected).all()


@pytest.mark.parametrize(
    ("format", "mode"), [("JPEG", "RGB"), ("PNG", "L"), ("PNG", "P"), ("WEBP", "RGBA")]
)
def test_other_formats_and_modes_become_rgb_of_the_size(format: str, mode: str) -> None:
    assert ImageReader(16).read(picture(format=format, mode=mode)).shape == (3, 16, 16)


def test_white_is_behind_what_is_transparent() -> None:
    data = io.BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(data, format="PNG")
    assert (decode(data.getvalue(), 4) == 255).all()


def test_a_crop_is_a_part_of_the_picture_and_depends_on_the_generator_alone() -> None:
    data, reader = picture(size=32), ImageReader(24, crop_from=32)
    whole = ImageReader(32).read(data)
    crops = [reader.augment(data, rng(seed)) for seed in range(20)]
    places = [
        (top, left)
        for crop in crops
        for top in range(9)
        for left in range(9)
        if (whole[:, top : top + 24, left : left + 24] == crop).all()
    ]
    assert len(places) == 20
    assert len(set(places)) > 10
    assert (reader.augment(data, rng(3)) == crops[3]).all()


def test_half_of_the_pictures_are_mirrored() -> None:
    data, reader = picture(), ImageReader(24, flip=True)
    plain = reader.read(data)
    mirrored = [not (reader.augment(data, rng(seed)) == plain).all() for seed in range(200)]
    assert 70 < sum(mirrored) < 130
    flipped = next(reader.augment(data, rng(seed)) for seed in range(200) if mirrored[seed])
    assert (flipped == plain[:, :, ::-1]).all()


def test_a_column_of_files_becomes_one_of_pixels_and_a_tensor() -> None:
    files, reader = [picture(seed) for seed in range(5)], ImageReader(24)
    column = pa.chunked_array(
        [reader.column(pa.chunked_array([files[:2]])), reader.column(pa.chunked_array([files[2:]]))]
    )
    tensor = stack_pixels(column.slice(1, 3), 24)
    assert tensor.shape == (3, 3, 24, 24)
    for row, data in zip(tensor, files[1:4], strict=True):
        assert (row.numpy() == reader.read(data)).all()
    empty = reader.column(pa.chunked_array([[]], pa.binary()))
    assert stack_pixels(pa.chunked_array([empty]), 24).shape == (0, 3, 24, 24)


def test_rows_are_augmented_each_with_its_own_generator() -> None:
    reader = ImageReader(16, crop_from=24)
    column = reader.column(pa.chunked_array([[picture(), picture()]]), [rng(1), rng(2)])
    tensor = stack_pixels(pa.chunked_array([column]), 16)
    assert (tensor[0].numpy() == reader.augment(picture(), rng(1))).all()
    assert (tensor[1].numpy() == reader.augment(picture(), rng(2))).all()


def test_what_is_no_picture_is_refused_with_its_row() -> None:
    with pytest.raises(InputError, match="row 1"):
        ImageReader(8).column(pa.chunked_array([[picture(), b"text"]]))
    with pytest.raises(InputError, match="not a whole picture"):
        decode(picture()[:100], 8)
    with pytest.raises(InputError, match="smaller"):
        ImageReader(8, crop_from=4)
