"""Near-duplicates by MinHash and locality-sensitive hashing (Broder 1997; Leskovec et al., MMDS, 3.4).

Legend: N rows, P slots of a signature, K rows that share a band.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np

from embedworks.corpora.quality.text import combined
from embedworks.errors import InputError

RECALL = 0.99
EXTRA = "install embedworks with the extra `data`"


def require() -> None:
    """Refuse to start where the libraries are missing.

    Raises:
        InputError: naming the one, and the extra that brings it.
    """
    for name in ("rensa", "scipy"):
        if find_spec(name) is None:
            raise InputError(f"near-duplicates needs the library {name}", expected=EXTRA)


def signatures(grams_G: np.ndarray, starts_N1: np.ndarray, slots: int, seed: int) -> np.ndarray:
    """``(N, P)`` uint32 signatures; two rows' share of equal slots estimates their Jaccard similarity.

    Args:
        grams_G: Hashes of every row's n-grams, one row after the other.
        starts_N1: Where each row's begin, and the end.
        slots: P.
        seed: Draws the hash functions.
    """
    from rensa import RMinHash

    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        grams_G, starts_N1.astype(np.uint64), slots, seed
    )
    return np.array(matrix.to_rows(), dtype=np.uint32).reshape(-1, slots)


def band_width(threshold: float, slots: int, recall: float = RECALL) -> int:
    """Slots of a band: the most with which a pair at the threshold still shares a band, at ``recall``.

    Such a pair shares all ``r`` slots of a band with probability ``t**r``, so one of ``b`` bands with
    ``1 - (1 - t**r)**b``. Pairs below the threshold that share a band are compared and refused.

    Example:
        >>> band_width(0.8, 128), band_width(0.5, 128)
        (6, 3)
    """
    widths = range(1, slots + 1)
    good = [r for r in widths if 1 - (1 - threshold**r) ** (slots // r) >= recall]
    return max(good, default=1)


def near_components(signatures_NP: np.ndarray, threshold: float) -> np.ndarray:
    """``(N,)`` the first row of each row's component: near-duplicates of near-duplicates are together.

    Two rows are joined if they share a band and at least ``threshold`` of all slots.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, slots = signatures_NP.shape
    width = band_width(threshold, slots)
    label_N = np.arange(rows)
    for start in range(0, slots - width + 1, width):
        pairs_E2 = _band_pairs(signatures_NP, start, width, threshold, label_N)
        known = np.flatnonzero(label_N != np.arange(rows))
        left, right = np.concatenate([pairs_E2, np.stack([known, label_N[known]], axis=1)]).T
        graph = coo_array((np.ones(len(left), dtype=bool), (left, right)), (rows, rows))
        _, component_N = connected_components(graph, directed=False)
        _, first = np.unique(component_N, return_index=True)
        label_N = first[component_N]
    return label_N


def _band_pairs(
    signatures_NP: np.ndarray, start: int, width: int, threshold: float, label_N: np.ndarray
) -> np.ndarray:
    """``(E, 2)`` pairs of rows that one band brings together and their signatures confirm."""
    keys_N = combined([signatures_NP[:, start + offset] for offset in range(width)])
    order_N = np.argsort(keys_N, kind="stable")
    begins = np.ones(len(order_N), dtype=bool)
    begins[1:] = keys_N[order_N[1:]] != keys_N[order_N[:-1]]
    edges = np.append(np.flatnonzero(begins), len(order_N))
    bucket = np.cumsum(begins) - 1
    first, other = order_N[edges[bucket[~begins]]], order_N[~begins]
    new = label_N[first] != label_N[other]
    first, other, bucket = first[new], other[new], bucket[~begins][new]
    equal = _similar(signatures_NP, first, other, threshold)
    pairs = [np.stack([first[equal], other[equal]], axis=1)]
    # A row unlike its bucket's first may still be like another one in the bucket.
    for one in np.unique(bucket[~equal]):
        pairs += _grown(signatures_NP, order_N[edges[one] : edges[one + 1]], threshold)
    return np.concatenate(pairs)


def _similar(
    signatures_NP: np.ndarray, left: np.ndarray, right: np.ndarray, threshold: float, block: int = 65536
) -> np.ndarray:
    """Whether each pair shares at least ``threshold`` of its slots."""
    least = np.ceil(threshold * signatures_NP.shape[1] - 1e-9)
    parts = [
        (signatures_NP[left[at : at + block]] == signatures_NP[right[at : at + block]]).sum(1) >= least
        for at in range(0, len(left), block)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)


def _grown(signatures_NP: np.ndarray, bucket_K: np.ndarray, threshold: float) -> Iterator[np.ndarray]:
    """Pairs that join a bucket's rows as all its similar pairs would, each row compared while alone."""
    alone_K = bucket_K
    frontier: list[int] = []
    while len(alone_K):
        if not frontier:
            frontier, alone_K = [int(alone_K[0])], alone_K[1:]
        row = frontier.pop()
        near = _similar(signatures_NP, np.full(len(alone_K), row), alone_K, threshold)
        yield np.stack([np.full(near.sum(), row), alone_K[near]], axis=1)
        frontier += alone_K[near].tolist()
        alone_K = alone_K[~near]
