from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from embedworks.corpora.builtin import digits
from embedworks.errors import InputError


@pytest.fixture(scope="module")
def splits():
    return {split: list(rows) for split, rows in digits.rows(digits.Options()).items()}


def test_every_image_is_in_one_split_once(splits):
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 1000, "test": 797}
    ids = [row["id"] for rows in splits.values() for row in rows]
    assert len(set(ids)) == 1797
    pixels = [tuple(row["pixels"]) for rows in splits.values() for row in rows]
    assert len(set(pixels)) == 1797


def test_a_row_is_what_scikit_learn_has_under_its_number(splits):
    data = load_digits()
    for row in splits["train"]:
        number = int(row["id"].removeprefix("digit-"))
        assert row["pixels"] == data.data[number].tolist()
        assert row["label"] == data.target[number]


def test_the_picture_shows_the_pixels(splits):
    for row in splits["test"][:50]:
        picture = Image.open(io.BytesIO(row["image"]))
        assert (picture.mode, picture.size) == ("L", (8, 8))
        grey = np.asarray(picture, dtype=float).ravel()
        assert np.abs(grey - np.array(row["pixels"]) * 255 / 16).max() < 1


@pytest.mark.parametrize("n", [20, 150, 500])
def test_the_first_rows_are_a_stratified_sample(splits, n):
    counts = Counter(row["label"] for row in splits["train"][:n])
    assert set(counts) == set(range(10))
    assert max(counts.values()) - min(counts.values()) <= 2 + n // 100


def test_rows_fit_the_schema_and_the_seed_draws_another_split(splits):
    table = pa.Table.from_pylist(splits["test"], schema=digits.SCHEMA)
    assert table.column("pixels").to_pylist() == [row["pixels"] for row in splits["test"]]
    other = list(digits.rows(digits.Options(seed=1, test=397))["train"])
    assert len(other) == 1400
    assert other[0]["id"] != splits["train"][0]["id"]
    assert list(digits.rows(digits.Options())["test"]) == splits["test"]


def test_something_has_to_be_left():
    with pytest.raises(InputError, match="leaves nothing to learn from"):
        digits.rows(digits.Options(test=1797))
