"""What an earlier version has: sorted keys in a file that all workers of a node share, and its vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.atomic import new_file
from embedworks.indexing.content import Keys, as_keys
from embedworks.inference.engine import Vectors
from embedworks.vectors.records import KEY, KEY_BYTES
from embedworks.vectors.store import Store, vectors_of

BUCKET_ROWS = 1 << 20  # sorted at a time, 24 bytes each
ENTRY = np.dtype([("key", f"S{KEY_BYTES}"), ("row", "<i8")])
KNOWN_KEYS, KNOWN_ROWS = "known-keys.npy", "known-rows.npy"

# Shape legend: N rows, K of them known, E rows of the earlier version.


def write_known(batches: Iterator[Keys], rows: int, folder: Path, bucket_rows: int = BUCKET_ROWS) -> None:
    """Sort the keys of an earlier version into files of ``folder``; memory does not grow with the rows.

    Keys are spread over files by their first two bytes, which are sorted one by one.

    Args:
        batches: Keys in row order.
        rows: How many there are.
        folder: Where the files go.
        bucket_rows: About how many to sort at a time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    buckets = min(1 << 16, max(1, -(-rows // bucket_rows)))
    files = [folder / f"known-{bucket}.part" for bucket in range(buckets)]
    with ExitStack() as stack:
        outs = [stack.enter_context(file.open("wb")) for file in files]
        first = 0
        for keys_N in batches:
            entries = np.empty(len(keys_N), ENTRY)
            entries["key"], entries["row"] = keys_N, np.arange(first, first + len(keys_N))
            first += len(keys_N)
            bucket_N = _bucket(keys_N, buckets)
            for bucket in np.unique(bucket_N).tolist():
                outs[bucket].write(entries[bucket_N == bucket].tobytes())
    _write_sorted(files, rows, folder)
    for file in files:
        file.unlink()


def _bucket(keys_N: Keys, buckets: int) -> NDArray[np.int64]:
    head_N = keys_N.view(np.uint8).reshape(len(keys_N), KEY_BYTES)[:, :2].astype(np.int64)
    return (head_N[:, 0] * 256 + head_N[:, 1]) * buckets >> 16


def _write_sorted(files: Sequence[Path], rows: int, folder: Path) -> None:
    with new_file(folder / KNOWN_ROWS) as row_file, new_file(folder / KNOWN_KEYS) as key_file:
        keys = np.lib.format.open_memmap(key_file, "w+", ENTRY["key"], (rows,))
        places = np.lib.format.open_memmap(row_file, "w+", ENTRY["row"], (rows,))
        first = 0
        for file in files:
            entries = np.fromfile(file, ENTRY)
            entries = entries[np.argsort(entries["key"], kind="stable")]
            keys[first : first + len(entries)] = entries["key"]
            places[first : first + len(entries)] = entries["row"]
            first += len(entries)
        keys.flush()
        places.flush()


class KnownVectors:
    """Finds rows of an earlier version by content, and reads their vectors.

    Args:
        folder: Where :func:`write_known` wrote.
        store: The earlier version's table.
        columns: Its columns of vectors.
    """

    def __init__(self, folder: Path, store: Store, columns: Sequence[str]) -> None:
        self._keys_E: Keys = np.load(folder / KNOWN_KEYS, mmap_mode="r")
        self._rows_E: NDArray[np.int64] = np.load(folder / KNOWN_ROWS, mmap_mode="r")
        self._store, self._columns = store, tuple(columns)

    def find(self, keys_N: Keys) -> NDArray[np.int64]:
        """``(N,)`` row of the earlier version with that content, -1 where there is none."""
        place_N = np.searchsorted(self._keys_E, keys_N)
        inside_N = np.minimum(place_N, len(self._keys_E) - 1)
        found_N = self._keys_E[inside_N] == keys_N
        return np.where(found_N, self._rows_E[inside_N], -1)

    def vectors(self, rows_K: NDArray[np.int64]) -> list[Vectors]:
        """``(K, d)`` for each column, of rows that :meth:`find` found."""
        unique, back_K = np.unique(rows_K, return_inverse=True)
        table = self._store.take(unique.tolist(), self._columns)
        return [vectors_of(table[name].combine_chunks())[back_K] for name in self._columns]


def keys_of(store: Store) -> Iterator[Keys]:
    """The keys of a table, in row order."""
    for batch in store.batches([KEY]):
        yield as_keys(batch[KEY])
