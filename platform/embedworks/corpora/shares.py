"""Splits by the hash of a value: known for every row by itself, so no pass over the corpus is needed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from embedworks.corpora.duplicates import value_bytes
from embedworks.errors import InputError

REST = "train"
_NAME = re.compile(r"\w+")


def check_shares(shares: Mapping[str, float]) -> None:
    """Refuse shares that leave nothing for ``train``.

    Raises:
        InputError: naming the share or split.
    """
    for split, share in shares.items():
        if not _NAME.fullmatch(split):
            raise InputError(f"a split cannot be called {split!r}", expected="letters, digits and _")
        if split == REST:
            raise InputError(f"{REST} is what the other splits leave", expected="the shares of the others")
        if not 0 < share < 1:
            raise InputError(
                f"split {split!r} has the share {share:g}", expected="a number between 0 and 1"
            )
    if sum(shares.values()) >= 1:
        raise InputError("the splits leave no rows for train", expected="shares that sum to less than 1")


def split_of(values: pa.ChunkedArray, shares: Mapping[str, float], seed: int) -> np.ndarray:
    """The split of each value: equal values always come to the same one.

    A share is of the distinct values, not of the rows: a value that many rows have takes them all along.

    Args:
        values: ``(N,)`` of any type.
        shares: Split -> share; the rest is ``train``.
        seed: Draws another split.

    Returns:
        ``(N,)`` split names.
    """
    names = np.array([*shares, REST])
    bounds = np.cumsum([*shares.values()]) * 2.0**64
    keys = [value_bytes(value) for value in values.to_pylist()]
    drawn = {key: _draw(key, seed) for key in set(keys)}
    drawn_N = np.fromiter((drawn[key] for key in keys), np.float64, len(keys))
    chosen: np.ndarray = names[np.searchsorted(bounds, drawn_N, side="right")]
    return chosen


def rule(shares: Mapping[str, float], by: str | None, seed: int) -> str:
    """The rule in words, for a manifest."""
    parts = ", ".join(f"{split} {share:g}" for split, share in shares.items())
    what = f"column {by!r}" if by else "the whole row"
    return f"by the hash of {what} (seed {seed}): {parts}, the rest {REST}; equal values stay together"


def _draw(value: bytes, seed: int) -> int:
    digest = hashlib.blake2b(f"{seed}:".encode() + value, digest_size=8).digest()
    return int.from_bytes(digest, "little")
