"""The sizes that a corpus is embedded at, by name or by number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from embedworks.embedder import Embedder, Pair
from embedworks.errors import InputError

FULL, TRAINED = "full", "trained"


def parse_sizes(text: str) -> str | tuple[Pair, ...]:
    """``full``, ``trained`` or ``2x96,6x384``.

    Raises:
        InputError: for anything else.
    """
    if text in (FULL, TRAINED):
        return text
    found = [re.fullmatch(r"\s*(\d+)x(\d+)\s*", part) for part in text.split(",")]
    if not all(found):
        raise InputError(
            f"sizes {text!r} cannot be read",
            expected="full, trained, or LAYERSxDIMENSIONS, as 2x96,6x384",
            name=text,
            known=(FULL, TRAINED),
        )
    return tuple((int(one[1]), int(one[2])) for one in found if one)


def choose_pairs(outline: Embedder, sizes: str | Sequence[Pair]) -> tuple[Pair, ...]:
    """The (layers, dimensions) that a model is read at, largest first.

    Raises:
        InputError: for a size that it does not have.
    """
    full = outline.full_pair
    asked: Sequence[Pair] = (full,)
    if sizes == TRAINED:
        asked = (full, *outline.settings.pairs)
    elif not isinstance(sizes, str):
        asked = sizes
    for layers, dimensions in asked:
        outline.check_pair(layers, dimensions)
    return tuple(sorted(dict.fromkeys(map(_pair, asked)), reverse=True))


def _pair(pair: Any) -> Pair:
    return int(pair[0]), int(pair[1])
