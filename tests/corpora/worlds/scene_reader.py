"""Reads the texts of scenes and says whether a row's truth columns bear them out.

Written apart from what writes the texts: from a row it uses ``objects`` and their boxes alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

WORDINGS = {
    "to the left of": "left of",
    "on the left of": "left of",
    "left of": "left of",
    "to the right of": "right of",
    "on the right of": "right of",
    "right of": "right of",
    "above": "above",
    "over": "above",
    "higher up than": "above",
    "below": "below",
    "under": "below",
    "lower down than": "below",
    "inside": "inside",
    "within": "inside",
    "around": "around",
    "surrounding": "around",
    "in front of": "in front of",
    "partly covering": "in front of",
    "behind": "behind",
    "partly covered by": "behind",
    "larger than": "larger than",
    "bigger than": "larger than",
    "smaller than": "smaller than",
    "touching": "touching",
    "in contact with": "touching",
    "near": "near",
    "close to": "near",
    "far from": "far from",
    "far away from": "far from",
    "of the same colour as": "same colour as",
    "in the same colour as": "same colour as",
    "level with": "level with",
    "at the height of": "level with",
    "patterned like": "same pattern as",
}
ADJECTIVES = {
    **dict.fromkeys(("small", "little", "tiny"), ("size", "small")),
    **dict.fromkeys(("large", "big", "huge"), ("size", "large")),
    **dict.fromkeys(("upside-down", "inverted"), ("state", "upside-down")),
    **dict.fromkeys(("tilted", "slanted"), ("state", "tilted")),
    **dict.fromkeys(("outlined", "hollow"), ("state", "outlined")),
    **dict.fromkeys(("broken", "cracked"), ("state", "broken")),
    **dict.fromkeys(("striped", "stripy"), ("pattern", "striped")),
    **dict.fromkeys(("dotted", "spotted"), ("pattern", "dotted")),
    **dict.fromkeys(("checkered", "chequered"), ("pattern", "checkered")),
    **{
        colour: ("colour", colour)
        for colour in ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")
    },
}
COUNTS = {"a": 1, "an": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
OPENINGS = r"^(in the picture, |a picture of |the picture shows |there (is|are) )"
ENDINGS = {
    "man": "men",
    "goose": "geese",
    "wolf": "wolves",
    "leaf": "leaves",
    "scarf": "scarves",
    "cactus": "cacti",
}
UNCHANGED = ("bison", "deer", "shrimp", "squid", "blowfish", "jellyfish")


@dataclass(frozen=True)
class Noun:
    """A noun phrase: how many of which name, with which attributes."""

    count: int
    name: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Claim:
    """Noun phrases, and how the first is related to the second."""

    nouns: tuple[Noun, ...]
    predicate: str | None


class Reader:
    """Knows the names that can occur."""

    def __init__(self, names: Iterable[str]) -> None:
        self.singular = set(names)
        self.plural = {_plural(name): name for name in self.singular}

    def read(self, text: str) -> Claim:
        """What a caption claims; an AssertionError if it is not English as the test knows it."""
        text = re.sub(OPENINGS, "", text)
        text = re.sub(r" on an? (plain|textured|cluttered) pale \w+ background$", "", text)
        for wording in sorted(WORDINGS, key=len, reverse=True):
            found = re.fullmatch(rf"(.+?)( is| are)? {wording} (an? .+|(?:{'|'.join(COUNTS)}) .+)", text)
            if found:
                first, second = self.noun(found[1]), self.noun(found[3])
                if found[2]:
                    assert found[2] == (" is" if first.count == 1 else " are"), text
                return Claim((first, second), WORDINGS[wording])
        parts = re.split(r", | and ", text)
        return Claim(tuple(self.noun(part) for part in parts), None)

    def noun(self, text: str) -> Noun:
        """ "a small red dog", "two blue stars"; "the" counts as one."""
        first, _, rest = text.partition(" ")
        if first in ("a", "an"):
            assert (first == "an") == _sounds_like_a_vowel(rest), text
        count = 1 if first == "the" else COUNTS[first]
        words, attributes = rest.split(), []
        while words[0] in ADJECTIVES and " ".join(words) not in self.singular:
            attributes.append(ADJECTIVES[words.pop(0)])
        order = [("size", "state", "pattern", "colour").index(part) for part, _ in attributes]
        assert order == sorted(set(order)), f"adjectives out of order: {text}"
        name = " ".join(words)
        if count > 1:
            name = self.plural[name]
        assert name in self.singular, f"{name!r} in {text!r}"
        return Noun(count, name, tuple(attributes))


def matching(row: dict[str, Any], noun: Noun) -> list[int]:
    """Objects that a noun phrase fits."""
    return [
        index
        for index, each in enumerate(row["objects"])
        if each["name"] == noun.name and all(each[part] == word for part, word in noun.attributes)
    ]


def is_true(row: dict[str, Any], claim: Claim) -> bool:
    """Whether boxes and attributes bear a claim out strictly."""
    found = [matching(row, noun) for noun in claim.nouns]
    if claim.predicate is None:
        return _each_its_own(claim.nouns, found)
    first, second = claim.nouns
    pairs = [(i, j) for i in found[0] for j in found[1] if i != j]
    answers = [strictly(claim.predicate, row, i, j) for i, j in pairs]
    if max(first.count, second.count) > 1:
        exact = all(noun.count in (1, len(each)) for noun, each in zip(claim.nouns, found, strict=True))
        return exact and bool(answers) and all(answers)
    return any(answers)


def is_false(row: dict[str, Any], claim: Claim) -> bool:
    """Whether not even a generous eye would let a claim pass."""
    found = [matching(row, noun) for noun in claim.nouns]
    if any(len(each) < noun.count for noun, each in zip(claim.nouns, found, strict=True)):
        return True
    if claim.predicate is None:
        return not _each_its_own(claim.nouns, found)
    return not any(loosely(claim.predicate, row, i, j) for i in found[0] for j in found[1] if i != j)


def strictly(predicate: str, row: dict[str, Any], i: int, j: int) -> bool:
    """Whether a relation clearly holds."""
    a, b = row["objects"][i], row["objects"][j]
    dx, dy = _offset(a["box"], b["box"])
    return bool(
        {
            "left of": dx > abs(dy) and a["box"][2] <= b["box"][0] + 2,
            "right of": -dx > abs(dy) and b["box"][2] <= a["box"][0] + 2,
            "above": dy > abs(dx) and a["box"][3] <= b["box"][1] + 2,
            "below": -dy > abs(dx) and b["box"][3] <= a["box"][1] + 2,
            "inside": _inside(a, b),
            "around": _inside(b, a),
            "in front of": a["depth"] > b["depth"] and _meet(a, b),
            "behind": a["depth"] < b["depth"] and _meet(a, b),
            "larger than": _area(a["extent"]) > 1.3 * _area(b["extent"]),
            "smaller than": 1.3 * _area(a["extent"]) < _area(b["extent"]),
            "touching": _gap(a, b) <= 2 and a["depth"] != b["depth"],
            "near": _gap(a, b) <= 0.1 * _side(row),
            "far from": _gap(a, b) >= 0.35 * _side(row),
            "same colour as": a["colour"] is not None and a["colour"] == b["colour"],
            "level with": abs(dy) <= 0.05 * _side(row),
            "same pattern as": a["pattern"] == b["pattern"] != "plain",
        }[predicate]
    )


def loosely(predicate: str, row: dict[str, Any], i: int, j: int) -> bool:
    """Whether somebody might say that a relation holds."""
    a, b = row["objects"][i], row["objects"][j]
    dx, dy = _offset(a["box"], b["box"])
    slack = 0.04 * _side(row)
    return bool(
        {
            "left of": dx > max(slack, 0.3 * abs(dy)),
            "right of": -dx > max(slack, 0.3 * abs(dy)),
            "above": dy > max(slack, 0.3 * abs(dx)),
            "below": -dy > max(slack, 0.3 * abs(dx)),
            "inside": _inside(a, b),
            "around": _inside(b, a),
            "in front of": a["depth"] > b["depth"] and _meet(a, b),
            "behind": a["depth"] < b["depth"] and _meet(a, b),
            "larger than": _area(a["extent"]) > 1.2 * _area(b["extent"]),
            "smaller than": 1.2 * _area(a["extent"]) < _area(b["extent"]),
            "near": _gap(a, b) <= 0.2 * _side(row),
            "far from": _gap(a, b) > 0.3 * _side(row),
            "touching": _gap(a, b) <= 3,
            "same colour as": a["colour"] == b["colour"],
            "level with": abs(dy) <= 0.12 * _side(row),
            "same pattern as": a["pattern"] == b["pattern"],
        }[predicate]
    )


def _each_its_own(nouns: Sequence[Noun], found: Sequence[list[int]]) -> bool:
    """Whether every noun phrase can have objects of its own."""
    wanted = [options for noun, options in zip(nouns, found, strict=True) for _ in range(noun.count)]
    everything = sorted({index for options in found for index in options})
    return any(
        all(index in options for index, options in zip(chosen, wanted, strict=True))
        for chosen in permutations(everything, len(wanted))
    )


def _side(row: dict[str, Any]) -> int:
    return int.from_bytes(row["image"][16:20], "big")  # of the PNG's header


def _offset(a: Sequence[int], b: Sequence[int]) -> tuple[float, float]:
    """From the centre of a to that of b."""
    return (b[0] + b[2] - a[0] - a[2]) / 2, (b[1] + b[3] - a[1] - a[3]) / 2


def _area(box: Sequence[int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _gap(a: dict[str, Any], b: dict[str, Any]) -> int:
    return max(
        0,
        *(
            max(a["extent"][k], b["extent"][k]) - min(a["extent"][k + 2], b["extent"][k + 2])
            for k in (0, 1)
        ),
    )


def _meet(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether the boxes of two objects overlap, and something of the lower one is hidden."""
    lower = min(a, b, key=lambda each: each["depth"])
    return _gap(a, b) == 0 and lower["visible"] < 1


def _inside(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether a is drawn upon b, within its box."""
    low, high = a["extent"], b["extent"]
    within = all(low[k] >= high[k] and low[k + 2] <= high[k + 2] for k in (0, 1))
    return within and a["depth"] > b["depth"]


def _plural(name: str) -> str:
    if name in UNCHANGED:
        return name
    for ending, other in ENDINGS.items():
        if name.endswith(ending):
            return name.removesuffix(ending) + other
    if name in ("mango", "potato", "tomato", "tornado", "volcano", "mosquito") or re.search(
        "(s|x|ch|sh)$", name
    ):
        return name + "es"
    return re.sub("(?<![aeiou])y$", "ie", name) + "s"


def _sounds_like_a_vowel(words: str) -> bool:
    return bool(re.match("hour|[aeiou](?!niversity|nicorn|kulele)", words, re.IGNORECASE))
