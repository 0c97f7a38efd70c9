"""Rows by their content: a digest a row, and how many rows equal an earlier one, in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

RANGE_ROWS = 4 << 20  # digests that are sorted at a time: 64 MB


def row_digests(table: pa.Table) -> np.ndarray:
    """A 128-bit BLAKE2b digest of each row's values, in column order.

    Returns:
        ``(N, 2)`` unsigned 64-bit integers. Equal rows have equal digests, and others different ones but
        for a chance that no corpus of this world is large enough to meet.
    """
    columns = [[value_bytes(value) for value in column.to_pylist()] for column in table.columns]
    digests = bytearray()
    for values in zip(*columns, strict=True):
        digest = hashlib.blake2b(digest_size=16)
        for value in values:
            digest.update(len(value).to_bytes(8, "little"))  # so that "a" + "bc" is not "ab" + "c"
            digest.update(value)
        digests += digest.digest()
    return np.frombuffer(bytes(digests), dtype="<u8").reshape(-1, 2)


def value_bytes(value: Any) -> bytes:
    """A value as bytes that tell it from any other of its column."""
    if isinstance(value, str):
        return b"s" + value.encode()
    return b"b" + value if isinstance(value, bytes) else b"o" + repr(value).encode()


def sort_digests(digests_N2: np.ndarray) -> np.ndarray:
    """``(N, 2)`` digests in order."""
    return digests_N2[np.lexsort((digests_N2[:, 1], digests_N2[:, 0]))]


def count_duplicates(parts: Sequence[np.ndarray], range_rows: int = RANGE_ROWS) -> int:
    """Rows that equal another one that is counted before them.

    Args:
        parts: Sorted ``(N, 2)`` digests, which may be memory maps: a range of them is read at a time.
        range_rows: About how many digests to hold at once.
    """
    total = sum(len(part) for part in parts)
    ranges = max(1, total // range_rows)
    bounds = np.array([2**64 * place // ranges for place in range(1, ranges)], dtype=np.uint64)
    cuts = [[0, *np.searchsorted(part[:, 0], bounds), len(part)] for part in parts]
    found = 0
    for place in range(ranges):
        pieces = [part[cut[place] : cut[place + 1]] for part, cut in zip(parts, cuts, strict=True)]
        found += _repeated(np.concatenate(pieces)) if pieces else 0
    return found


def _repeated(digests_N2: np.ndarray) -> int:
    ordered = sort_digests(digests_N2)
    return int((ordered[1:] == ordered[:-1]).all(axis=1).sum())
