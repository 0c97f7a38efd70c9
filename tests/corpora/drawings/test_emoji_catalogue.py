"""Emoji: joined on code points, grouped by what they are variants of, held out by group."""

from __future__ import annotations

import pytest

from embedworks.corpora.drawings.emoji import all_emoji, base_emoji, held_out_bases, key_of


@pytest.fixture(scope="module")
def by_key():
    return {key_of(emoji.hexcode): emoji for emoji in all_emoji()}


def test_there_are_as_many_as_openmoji_draws_and_names() -> None:
    assert 3500 < len(all_emoji()) < 4495
    assert 1500 < len(base_emoji()) < 1904
    assert len({emoji.hexcode for emoji in all_emoji()}) == len(all_emoji())
    assert [emoji.hexcode for emoji in all_emoji()] == sorted(emoji.hexcode for emoji in all_emoji())


@pytest.mark.parametrize(
    ("key", "name", "category", "subgroup", "tag"),
    [
        ("1F436", "dog face", "Animals & Nature", "animal-mammal", "puppy"),
        ("2764", "red heart", "Smileys & Emotion", "heart", "love"),
        ("1F34E", "red apple", "Food & Drink", "food-fruit", "fruit"),
    ],
)
def test_well_known_emoji_are_what_they_are(by_key, key, name, category, subgroup, tag) -> None:
    emoji = by_key[key]
    assert (emoji.name, emoji.category, emoji.subgroup) == (name, category, subgroup)
    assert tag in emoji.tags
    assert not emoji.variant


@pytest.mark.parametrize(
    ("key", "base"),
    [
        ("1F469-1F3FD-200D-1F692", "1F9D1-200D-1F692"),  # a woman's and a skin tone's firefighter
        ("1F468-200D-1F9B0", "1F9D1"),  # red hair
        ("1F483", "1F57A"),  # dancing
        ("1F385", "1F9D1-200D-1F384"),  # Santa Claus
        ("1F468-200D-1F469-200D-1F467", "1F46A"),  # a family
        ("1F468-200D-2764-200D-1F48B-200D-1F468", "1F48F"),  # a kiss
        ("1F44D-1F3FF", "1F44D"),  # a thumb
        ("1F3C3-200D-2640-200D-27A1", "1F3C3"),  # running to the right
    ],
)
def test_variants_are_counted_with_their_base(by_key, key, base) -> None:
    assert key_of(by_key[key].base) == base
    assert by_key[key].variant
    assert not by_key[base].variant


def test_what_joins_emoji_of_different_meaning_stays_apart(by_key) -> None:
    for key in ("1F43B-200D-2744", "1F3F3-200D-1F308", "2764-200D-1F525", "1F441-200D-1F5E8"):
        assert not by_key[key].variant


def test_every_variant_shares_the_category_of_a_base_that_is_there(by_key) -> None:
    for emoji in all_emoji():
        base = by_key[key_of(emoji.base)]
        assert base.base == base.hexcode


def test_the_same_share_of_every_category_is_held_out() -> None:
    held = held_out_bases(0)
    assert held == held_out_bases(0)
    assert held != held_out_bases(1)
    categories = {emoji.category for emoji in base_emoji()}
    for category in categories:
        mine = [emoji.hexcode for emoji in base_emoji() if emoji.category == category]
        assert abs(len(held.intersection(mine)) - 0.15 * len(mine)) <= 0.5
