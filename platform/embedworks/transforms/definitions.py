"""Entries of a dictionary and their definitions, as training reads them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Literal

Naming = Literal["mask", "drop", "keep"]


def hide(definition: str, headword: str, mask: str) -> str:
    """A definition with ``mask`` for its headword and the headword's plural.

    Example:
        >>> hide("To sing; singing is what one who sings does.", "sing", "~")
        'To ~; singing is what one who ~ does.'
    """
    if headword not in definition.lower():  # as most: a pattern of each headword's own is slow to make
        return definition
    return re.sub(rf"(?<!\w){re.escape(headword)}(?:e?s)?(?!\w)", mask, definition, flags=re.IGNORECASE)


def tells(definition: str, mask: str) -> bool:
    """Whether a definition says something beside its headword."""
    return re.search(r"\w", definition.replace(mask, "")) is not None


def entries_of(
    rows: Iterable[Mapping[str, Any]], mask: str, headwords: Naming = "mask", most: int | None = None
) -> dict[str, list[str]]:
    """Headword to its different definitions; rows of one headword are one entry.

    Args:
        rows: With ``headword`` and ``definitions``.
        mask: Stands for the headword.
        headwords: What becomes of definitions that name their headword.
        most: Definitions of an entry, the first ones; None for all.
    """
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        headword = row["headword"]
        for definition in row["definitions"]:
            hidden = hide(definition, headword, mask)
            if headwords == "drop" and hidden != definition:
                continue
            text = definition if headwords == "keep" else hidden
            if tells(hidden, mask):
                found.setdefault(headword, {})[text] = None
    return {headword: list(islice(texts, most)) for headword, texts in found.items()}


def first_by_hash(headwords: Iterable[str], most: int | None) -> list[str]:
    """At most so many of them, the same on every machine, whatever letters they begin with."""
    return sorted(headwords, key=lambda text: hashlib.sha256(text.encode()).digest())[:most]
