"""openmoji: pictures that are what they are called, and no base emoji on both sides of the split."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.corpora.builtin.openmoji import Options, rows, text_of
from embedworks.corpora.drawings.emoji import all_emoji, key_of
from embedworks.corpora.drawings.png import decode_png


@pytest.fixture(scope="module")
def splits():
    return {split: list(found) for split, found in rows(Options(size=16, variants=True)).items()}


def test_no_base_emoji_is_on_both_sides(splits) -> None:
    train, test = ({row["base"] for row in splits[split]} for split in ("train", "test"))
    assert not train & test
    assert 0.12 < len(test) / len(train | test) < 0.18


def test_every_drawn_emoji_is_there_once(splits) -> None:
    found = [row["hexcode"] for split in splits.values() for row in split]
    assert sorted(found) == [emoji.hexcode for emoji in all_emoji()]
    plain = {split: list(found) for split, found in rows(Options(size=16)).items()}
    assert not any(row["variant"] for split in plain.values() for row in split)
    assert sum(map(len, plain.values())) < len(found) / 2


def test_every_picture_has_the_size_asked_for_and_ink(splits) -> None:
    for row in splits["test"]:
        pixels = decode_png(row["image"])
        assert pixels.shape == (16, 16, 3)
        assert pixels.min() < 200, row["name"]


def test_a_red_apple_is_red_and_a_green_one_green(splits) -> None:
    found = {row["name"]: row for split in splits.values() for row in split}
    for name, strongest in (("red apple", 0), ("green apple", 1), ("blue heart", 2)):
        pixels = decode_png(found[name]["image"]).reshape(-1, 3).astype(float)
        coloured = pixels[np.ptp(pixels, axis=1) > 80]
        assert coloured.mean(0).argmax() == strongest


def test_the_text_says_name_kind_and_keywords_that_add_something() -> None:
    by_key = {key_of(emoji.hexcode): emoji for emoji in all_emoji()}
    assert text_of(by_key["1F436"]) == "dog face, animal mammal, animals & nature, pet, puppy"
    assert text_of(by_key["1F1EB-1F1F7"]) == "France, country flag, flags"


def test_the_seed_draws_another_split_and_the_same_pictures(splits) -> None:
    other = {split: list(found) for split, found in rows(Options(size=16, variants=True, seed=1)).items()}
    assert {row["base"] for row in other["test"]} != {row["base"] for row in splits["test"]}
    pictures = {row["hexcode"]: row["image"] for split in splits.values() for row in split}
    assert all(pictures[row["hexcode"]] == row["image"] for split in other.values() for row in split)
