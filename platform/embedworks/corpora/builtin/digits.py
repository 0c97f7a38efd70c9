"""``digits``: scikit-learn's handwritten digits, 8 x 8 pixels with 17 levels of grey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from embedworks.corpora.drawings.png import encode_png
from embedworks.corpora.recipe import RecipeOptions, Row, Rows, need
from embedworks.corpora.splitting import stratified_order
from embedworks.errors import InputError

NAME = "digits"
DESCRIPTION = "Handwritten digits of 8 x 8 pixels, as pictures and as sequences of 64 grey levels."
LICENCE = "BSD-3-Clause"
SPLIT_RULE = (
    "stratified by digit, in hash order: the last rows are test. Both splits are ordered so that the first "
    "n rows are a stratified sample too. No two images are equal"
)
SCHEMA = pa.schema(
    [
        ("image", pa.binary()),
        ("pixels", pa.list_(pa.uint8())),
        ("label", pa.int64()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "image": "PNG, 8 x 8, grey: white strokes on black",
    "pixels": "the same in raster order, 64 levels from 0 (black) to 16 (white)",
    "label": "the digit, 0 to 9",
    "id": "its number in scikit-learn's set",
}
SERVES = ("self-pretraining", "provable-pretraining", "t-jepa", "pela")
LEVELS = 16  # the whitest


class Options(RecipeOptions):
    """How many images are held out."""

    test: int = Field(default=797, ge=1, description="images held out, of 1,797")


def source(options: Options) -> str:  # noqa: ARG001
    """Where the images come from."""
    return f"load_digits of scikit-learn {need('sklearn', 'scikit-learn').__version__}"


def rows(options: Options) -> Rows:
    """Both splits.

    Raises:
        InputError: if scikit-learn is not installed, or nothing would be left to learn from.
    """
    found = need("sklearn.datasets", "scikit-learn").load_digits()
    images_NHW, labels_N = found.images.astype(np.uint8), found.target
    if options.test >= len(labels_N):
        what = f"test: {options.test} leaves nothing to learn from"
        raise InputError(what, expected=f"less than {len(labels_N)}")
    strata = {str(number): str(label) for number, label in enumerate(labels_N)}
    order = [int(name) for name in stratified_order(strata, options.seed)]
    train = len(order) - options.test
    return {
        "train": _rows(order[:train], images_NHW, labels_N),
        "test": _rows(order[train:], images_NHW, labels_N),
    }


def _rows(numbers: list[int], images_NHW: Any, labels_N: Any) -> Iterator[Row]:
    for number in numbers:
        image_HW = images_NHW[number]
        grey_HW = (image_HW.astype(np.uint16) * 255 // LEVELS).astype(np.uint8)
        yield {
            "image": encode_png(grey_HW),
            "pixels": image_HW.ravel().tolist(),
            "label": int(labels_N[number]),
            "id": f"digit-{number:04d}",
        }
