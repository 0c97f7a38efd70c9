"""Our stream with images: PNG bytes in a column, decoded and resized by a transform."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import ours
import pyarrow as pa
import torch
from _contender import Batch, parse
from _images import SIDE, decode

from embedworks.transforms.transform import Transform


class Pixels(Transform):
    """Decodes and resizes."""

    columns: ClassVar[tuple[str, ...]] = ("image",)

    def __call__(self, rows: pa.Table) -> pa.Table:
        """PNG bytes to ``pixels``, ``64 * 64 * 3`` bytes each."""
        pixels = b"".join(decode(png).tobytes() for png in rows["image"].to_pylist())
        size = SIDE * SIDE * 3
        array = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(size), len(rows), [None, pa.py_buffer(pixels)]
        )
        return pa.table({"pixels": array})

    def collate(self, rows: pa.Table) -> Batch:
        """``pixels`` ``(B, 64, 64, 3)`` uint8."""
        column = rows["pixels"].combine_chunks()
        size = SIDE * SIDE * 3
        whole = np.frombuffer(column.buffers()[1], np.uint8)
        pixels = whole[column.offset * size : (column.offset + len(column)) * size]
        return {"pixels": torch.from_numpy(pixels.reshape(-1, SIDE, SIDE, 3).copy())}


def pixels(_: object) -> Transform:
    """The transform."""
    return Pixels()


if __name__ == "__main__":
    ours.main(parse(), pixels, epochs=100)
