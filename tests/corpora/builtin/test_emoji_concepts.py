"""emoji-concepts: split by emoji, incomplete lists, words taken out by chance and always alike."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.corpora.builtin import emoji_names
from embedworks.corpora.builtin.emoji_concepts import Options, query_of, rows

DOG = {"query": "Dog face", "aliases": ["dog"], "tags": ["dog", "house pet", "woof"]}


def read(**options) -> dict[str, list[dict]]:
    return {split: list(found) for split, found in rows(Options(**options)).items()}


@pytest.fixture(scope="module")
def splits():
    return read()


def test_no_emoji_is_on_both_sides_with_any_of_its_names(splits):
    sides = [{row["emoji"] for row in found} for found in splits.values()]
    assert not sides[0] & sides[1]
    names = {s: list(f) for s, f in emoji_names.rows(emoji_names.Options()).items()}
    for split, found in splits.items():
        assert [row["emoji"] for row in found] == [row["emoji"] for row in names[split]]


def test_profiles_are_names_in_thirteen_other_languages(splits):
    for row in splits["test"]:
        assert len(row["profiles"]) == len(row["languages"]) == 13
        assert "en" not in row["languages"]
        assert all(row["profiles"])
        assert row["query"]


def test_lists_leave_out_about_two_fifths(splits):
    found = splits["train"]
    assert all(set(row["listed"]) <= set(row["concepts"]) for row in found)
    listed, whole = (sum(len(row[key]) for row in found) for key in ("listed", "concepts"))
    assert listed / whole == pytest.approx(0.6, abs=0.02)


def test_words_of_keywords_are_taken_out_by_chance():
    rng = np.random.default_rng(0)
    assert query_of(DOG, 0, rng) == "Dog face, dog, house pet, woof"
    assert query_of(DOG, 1, rng) == "face"
    assert query_of({**DOG, "query": "dog", "aliases": []}, 1, rng) == "dog"  # rather than nothing
    half = {query_of(DOG, 0.5, np.random.default_rng(seed)) for seed in range(40)}
    assert len(half) > 10
    assert all("face" in text for text in half)


def test_options_and_seed(splits):
    whole = read(unlisted=0)["test"]
    assert all(row["listed"] == row["concepts"] for row in whole)
    assert read()["test"] == splits["test"]
    assert [row["emoji"] for row in read(seed=1)["test"]] != [row["emoji"] for row in splits["test"]]
