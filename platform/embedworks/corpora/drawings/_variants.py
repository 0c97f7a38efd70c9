"""Which emoji are variants of one: by skin tone, gender, hair, direction, or the people in a family."""

from __future__ import annotations

JOINER = "200D"
SKIN_TONES = frozenset(f"1F3F{digit}" for digit in "BCDEF")
DROPPED = frozenset({"2640", "2642", "27A1", "1F9B0", "1F9B1", "1F9B2", "1F9B3"})  # signs, right, hair
HEART, KISS, HANDS = "2764", "1F48B", "1F91D"
FAMILY, COUPLE, KISSING, HOLDING_HANDS = "1F46A", "1F491", "1F48F", "1F46D"

# Emoji that differ only in gender: each is counted as the first of its line.
SAME = (
    ("1F9D1", "1F468", "1F469"),  # person, man, woman
    ("1F9D2", "1F466", "1F467"),  # child, boy, girl
    ("1F9D3", "1F474", "1F475"),  # older person, old man, old woman
    ("1FAC5", "1F934", "1F478"),  # person with crown, prince, princess
    ("1F57A", "1F483"),  # man dancing, woman dancing
    ("1FAC4", "1FAC3", "1F930"),  # pregnant person, man, woman
    ("1F46D", "1F46B", "1F46C"),  # two people holding hands
)
ALIKE = {code: codes[0] for codes in SAME for code in codes}
CLAUS = {"1F385": "1F9D1-200D-1F384", "1F936": "1F9D1-200D-1F384"}  # Santa and Mrs. to Mx Claus
PEOPLE = frozenset({"1F9D1", "1F9D2", "1F9D3"})


def parts_of(key: str) -> list[str]:
    """What a sequence joins, each without its skin tone."""
    parts = key.split(f"-{JOINER}-")
    return ["-".join(code for code in part.split("-") if code not in SKIN_TONES) for part in parts]


def base_key(key: str) -> str:
    """The same for all variants of an emoji, and different for different emoji.

    Args:
        key: Code points without U+FE0F, joined by hyphens.
    """
    parts = [ALIKE.get(part, part) for part in parts_of(key) if part not in DROPPED]
    people = sum(part in PEOPLE for part in parts)
    if people >= 2:
        if HANDS in parts:
            return HOLDING_HANDS
        if HEART in parts:
            return KISSING if KISS in parts else COUPLE
        if people == len(parts):
            return FAMILY
    joined = f"-{JOINER}-".join(parts)
    return CLAUS.get(joined, joined)
