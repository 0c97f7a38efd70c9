"""Pictures from the bytes of a file to pixels, and on to the tensors of a batch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedworks.errors import InputError, first_line

if TYPE_CHECKING:  # Ray Data's own processes import this module and have no use for torch
    import torch

Pixels = NDArray[np.uint8]
PAPER = (255, 255, 255)  # behind what is transparent

# Shape legend: B pictures, 3 channels RGB, S x S pixels.


@dataclass(frozen=True)
class ImageReader:
    """How a picture's file becomes pixels of one size.

    Attributes:
        size: S, pixels of a side; other shapes are stretched.
        crop_from: Read it at this size and cut a square of ``size``: from the middle, or in training at a
            random place.
        flip: Training only: mirror half of the pictures. Wrong for captions that say left or right.
    """

    size: int
    crop_from: int | None = None
    flip: bool = False

    def __post_init__(self) -> None:
        if self.crop_from is not None and self.crop_from < self.size:
            what = f"crop_from is {self.crop_from}, smaller than the {self.size} pixels cut from it"
            raise InputError(what, expected=f"{self.size} or more")

    def read(self, data: bytes, where: str = "") -> Pixels:
        """``(3, S, S)`` uint8 without anything random.

        Raises:
            InputError: for bytes that are no picture.
        """
        pixels_SS3 = decode(data, self.crop_from or self.size, where)
        edge = (len(pixels_SS3) - self.size) // 2
        return _planes(pixels_SS3[edge : edge + self.size, edge : edge + self.size])

    def augment(self, data: bytes, rng: np.random.Generator, where: str = "") -> Pixels:
        """``(3, S, S)`` uint8, cut and mirrored at random.

        Raises:
            InputError: for bytes that are no picture.
        """
        pixels_SS3 = decode(data, self.crop_from or self.size, where)
        spare = len(pixels_SS3) - self.size
        if spare:
            top, left = rng.integers(spare + 1, size=2)
            pixels_SS3 = pixels_SS3[top : top + self.size, left : left + self.size]
        if self.flip and rng.random() < 0.5:
            pixels_SS3 = pixels_SS3[:, ::-1]
        return _planes(pixels_SS3)

    def column(
        self, images: pa.ChunkedArray, rngs: Sequence[np.random.Generator] | None = None
    ) -> pa.Array:
        """A column of files to one of pixels, for the rows of a stream.

        Args:
            images: PNG, JPEG, ... bytes.
            rngs: One for each row to augment; None reads them plainly.

        Returns:
            Fixed-size binary, ``3 * S * S`` bytes a row.
        """
        files = images.to_pylist()
        if rngs is None:
            pixels = [self.read(data, f"row {row}") for row, data in enumerate(files)]
        else:
            pixels = [self.augment(data, rngs[row], f"row {row}") for row, data in enumerate(files)]
        stacked = np.stack(pixels) if pixels else np.empty((0, 3, self.size, self.size), np.uint8)
        kind = pa.binary(3 * self.size**2)
        return pa.FixedSizeBinaryArray.from_buffers(kind, len(files), [None, pa.py_buffer(stacked)])


def decode(data: bytes, size: int, where: str = "") -> Pixels:
    """A picture's file to ``(S, S, 3)`` uint8 RGB, resized where it is not of that size.

    Raises:
        InputError: for bytes that are no picture.
    """
    from PIL import Image

    try:
        picture: Any = Image.open(io.BytesIO(data))
        picture = opaque(picture)
    except (OSError, ValueError, SyntaxError, TypeError) as error:
        raise InputError(f"not a whole picture: {first_line(error)}", where=where) from error
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.asarray(picture)


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height that a picture's file gives, without unfolding it.

    Raises:
        InputError: for bytes that are no picture.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            size: tuple[int, int] = picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"not a whole picture: {first_line(error)}") from error
    return size


def opaque(picture: Any) -> Any:
    """RGB, with white behind whatever is transparent."""
    from PIL import Image

    if picture.mode == "RGB":
        picture.load()
        return picture
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layers = picture.convert("RGBA")
        paper = Image.new("RGBA", layers.size, PAPER)
        return Image.alpha_composite(paper, layers).convert("RGB")
    return picture.convert("RGB")


def stack_pixels(column: pa.ChunkedArray, size: int) -> torch.Tensor:
    """A column that :meth:`ImageReader.column` made to a ``(B, 3, S, S)`` uint8 tensor."""
    import torch

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # without any rows
        array = pa.array([], column.type)
    data = np.frombuffer(array.buffers()[1] or b"", np.uint8)
    width = 3 * size**2
    rows = data[array.offset * width : (array.offset + len(array)) * width]
    return torch.from_numpy(rows.reshape(len(array), 3, size, size).copy())


def _planes(pixels_SS3: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels_SS3.transpose(2, 0, 1))
