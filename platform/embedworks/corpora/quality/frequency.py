"""How often things occur in a corpus, by their 64-bit hashes.

Legend: N rows that are asked about, R rows of the raw corpus, G n-grams, U distinct ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from embedworks.corpora.quality.text import combined


@dataclass(frozen=True)
class Grams:
    """N-grams of one order, of N rows.

    Attributes:
        hashes_G: Of all rows, one after the other.
        starts_N1: Where each row's begin.
    """

    hashes_G: np.ndarray
    starts_N1: np.ndarray

    @classmethod
    def of(cls, measured: pa.Table, column: str) -> Grams:
        """From a column of lists of hashes."""
        lists = measured[column].combine_chunks()
        return cls(lists.flatten().to_numpy(), lists.offsets.to_numpy() - lists.offsets[0].as_py())

    def first(self, hit_G: np.ndarray) -> dict[int, int]:
        """Row -> the place in it of its first n-gram that is hit, for rows that have one."""
        row_G = np.repeat(np.arange(len(self.starts_N1) - 1), np.diff(self.starts_N1))
        rows, at = np.unique(row_G[hit_G], return_index=True)
        places = np.flatnonzero(hit_G)[at] - self.starts_N1[rows]
        return dict(zip(rows.tolist(), places.tolist(), strict=True))


def occurrences(keys_N: np.ndarray, raw_R: np.ndarray) -> np.ndarray:
    """``(N,)`` times that each key occurs in the raw corpus; 0 for one that it lacks."""
    known_U, counts_U = np.unique(raw_R, return_counts=True)
    return _lookup(keys_N, known_U, counts_U)


def partners(keys_N: np.ndarray, raw_R: np.ndarray, raw_partners_R: np.ndarray) -> np.ndarray:
    """``(N,)`` different partners that each key has in the raw corpus: a pair that repeats is one."""
    _, first = np.unique(combined([raw_R, raw_partners_R]), return_index=True)
    return occurrences(keys_N, raw_R[first])


def among_most_frequent(grams_G: np.ndarray, raw_R: np.ndarray, most: int) -> np.ndarray:
    """``(G,)`` whether each is one of the ``most`` most frequent; those that tie with the last one are."""
    known_U, counts_U = np.unique(raw_R, return_counts=True)
    least = np.partition(counts_U, -most)[-most] if len(counts_U) > most else 1
    frequent: np.ndarray = _lookup(grams_G, known_U, counts_U) >= least
    return frequent


def _lookup(keys_N: np.ndarray, known_U: np.ndarray, counts_U: np.ndarray) -> np.ndarray:
    counts_N = np.zeros(len(keys_N), dtype=np.int64)
    place_N = np.searchsorted(known_U, keys_N)
    found_N = place_N < len(known_U)
    found_N[found_N] = known_U[place_N[found_N]] == keys_N[found_N]
    counts_N[found_N] = counts_U[place_N[found_N]]
    return counts_N
