"""emoji-names: every language, no emoji on both sides, pairs that say the same in other words."""

from __future__ import annotations

import pytest

from embedworks.corpora.builtin.emoji_names import LANGUAGES, Options, rows
from embedworks.corpora.drawings.emoji import base_emoji, held_out_bases


@pytest.fixture(scope="module")
def splits():
    return {split: list(found) for split, found in rows(Options()).items()}


def test_every_base_emoji_is_there_once_and_split_as_its_pictures_are(splits) -> None:
    found = {split: {row["hexcode"] for row in rows} for split, rows in splits.items()}
    assert found["test"] == held_out_bases(0)
    assert found["train"] == {emoji.hexcode for emoji in base_emoji()} - found["test"]


def test_every_emoji_has_a_name_in_every_language(splits) -> None:
    for row in splits["test"]:
        assert [name["language"] for name in row["names"]] == list(LANGUAGES)
        assert all(name["name"] for name in row["names"])
        assert row["names"][0]["name"].replace("’", "'") == row["query"]


def test_well_known_names(splits) -> None:
    found = {row["query"]: row for split in splits.values() for row in split}
    names = {name["language"]: name["name"] for name in found["spoon"]["names"]}
    assert (names["de"], names["fr"], names["it"]) == ("löffel", "cuillère", "cucchiaio")
    assert "dog" in found["dog face"]["aliases"]
    assert found["Italy"]["positive"] == "flag for Italy"


def test_a_pair_never_says_the_same_twice(splits) -> None:
    for split in splits.values():
        for row in split:
            assert row["query"].lower() != row["positive"].lower()
            assert not {row["query"].lower()} & set(row["positive"].lower().split(", "))
