"""Exact search: one product of matrices and a partial sort, in memory or over a stream of batches.

Shape legend: Q queries, N rows, D columns that are stored, d those that are read, K hits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]

SMALLEST = np.float32(1e-12)  # length below which nothing is divided, as in torch's `normalize`
SCORES = 1 << 24  # of a block of queries: 64 MiB
BLOCK_ROWS = 512
FEW = 4  # queries that are multiplied one by one
SPARSE = 8  # where fewer than one row in so many passes a filter, these are picked out before the product


@dataclass(frozen=True)
class Measure:
    """How vectors are compared.

    Attributes:
        unit: Rows are compared at length one: the similarity is cosine, or the embedder normalises.
        stored_unit: Rows have length one as they are stored.
        cosine: Queries are made length one too.
    """

    unit: bool
    stored_unit: bool
    cosine: bool

    def queries(self, queries_QD: Vectors) -> Vectors:
        """The queries as they are multiplied with rows."""
        found = np.ascontiguousarray(queries_QD, dtype=np.float32)
        return found * inverse_lengths(found)[:, None] if self.cosine else found

    def scale(self, vectors_ND: Vectors, dimensions: int) -> Vectors | None:
        """``(N,)`` factors of the scores of rows at their first dimensions; None where all are one."""
        if not self.unit or (self.stored_unit and dimensions == vectors_ND.shape[1]):
            return None
        return inverse_lengths(vectors_ND[:, :dimensions])


def inverse_lengths(vectors_ND: Vectors) -> Vectors:
    """``(N,)`` one over the length of each row."""
    lengths_N: Vectors = np.sqrt(np.einsum("nd,nd->n", vectors_ND, vectors_ND))
    return np.reciprocal(np.maximum(lengths_N, SMALLEST))


def products(vectors_ND: Vectors, queries_Qd: Vectors, scale_N: Vectors | None) -> Vectors:
    """``(Q, N)`` scores. Rows wider than the queries are read at their first dimensions, in place."""
    read_Nd = vectors_ND[:, : queries_Qd.shape[1]]
    scores_QN: Vectors = np.empty((len(queries_Qd), len(read_Nd)), np.float32)
    # A block of rows stays in the cache while all queries pass over it: memory is read once.
    step = BLOCK_ROWS if len(queries_Qd) > 1 else len(read_Nd) or 1
    for start in range(0, len(read_Nd), step):
        block_Bd, scores_QB = read_Nd[start : start + step], scores_QN[:, start : start + step]
        if len(queries_Qd) > FEW:
            scores_QB[:] = queries_Qd @ block_Bd.T
            continue
        for query_d, scores_B in zip(queries_Qd, scores_QB, strict=True):
            np.matmul(block_Bd, query_d, out=scores_B)  # BLAS is slower for a thin matrix than for vectors
    if scale_N is not None:
        scores_QN *= scale_N
    return scores_QN


def best(scores_N: Vectors, ids_N: Ids, limit: int) -> NDArray[np.intp]:
    """Places of the ``limit`` best scores, best first; of equal ones the smaller id comes first."""
    limit = min(limit, len(scores_N))
    if limit == 0:
        return np.zeros(0, dtype=np.intp)
    last = np.partition(scores_N, len(scores_N) - limit)[len(scores_N) - limit]
    places = np.flatnonzero(scores_N >= last)  # all that tie for the last place
    return places[np.lexsort((ids_N[places], -scores_N[places]))[:limit]]


class Matrix:
    """The vectors of one column in memory.

    Args:
        vectors_ND: ``(N, D)`` float32, contiguous.
        ids_N: Ids of the rows.
        measure: How vectors are compared.
    """

    def __init__(self, vectors_ND: Vectors, ids_N: Ids, measure: Measure) -> None:
        self.vectors_ND, self.ids_N, self.measure = vectors_ND, ids_N, measure
        self._scales: dict[int, Vectors | None] = {}

    def nearest(
        self, queries_Qd: Vectors, limit: int, among: NDArray[np.intp] | None = None
    ) -> tuple[list[Ids], list[Vectors]]:
        """Ids and scores of each query's best rows.

        Args:
            queries_Qd: As many columns as are to be read of the rows.
            limit: Hits for each query.
            among: Places of the rows that pass a filter; None for all.
        """
        queries_Qd = self.measure.queries(queries_Qd)
        vectors_ND, ids_N = self.vectors_ND, self.ids_N
        scale_N = self._scale(queries_Qd.shape[1])
        if among is not None and len(among) * SPARSE < len(ids_N):
            vectors_ND, ids_N = vectors_ND[among], ids_N[among]
            scale_N, among = None if scale_N is None else scale_N[among], None
        ids, scores = [], []
        step = max(1, SCORES // max(1, len(ids_N)))
        for start in range(0, len(queries_Qd), step):
            for scores_N in products(vectors_ND, queries_Qd[start : start + step], scale_N):
                some_N = scores_N if among is None else scores_N[among]
                some_ids_N = ids_N if among is None else ids_N[among]
                places = best(some_N, some_ids_N, limit)
                ids.append(some_ids_N[places])
                scores.append(some_N[places])
        return ids, scores

    def _scale(self, dimensions: int) -> Vectors | None:
        if dimensions not in self._scales:  # two threads may both compute it, to the same end
            self._scales[dimensions] = self.measure.scale(self.vectors_ND, dimensions)
        return self._scales[dimensions]


def nearest_in_stream(
    batches: Iterable[tuple[Ids, Vectors]], queries_Qd: Vectors, limit: int, measure: Measure
) -> tuple[list[Ids], list[Vectors]]:
    """What :meth:`Matrix.nearest` gives, in memory for one batch of rows and the hits."""
    queries_Qd = measure.queries(queries_Qd)
    ids: list[Ids] = [np.zeros(0, np.int64) for _ in queries_Qd]
    scores: list[Vectors] = [np.zeros(0, np.float32) for _ in queries_Qd]
    for ids_N, vectors_ND in batches:
        scale_N = measure.scale(vectors_ND, queries_Qd.shape[1])
        for query, scores_N in enumerate(products(vectors_ND, queries_Qd, scale_N)):
            places = best(scores_N, ids_N, limit)
            all_ids = np.concatenate([ids[query], ids_N[places]])
            all_scores = np.concatenate([scores[query], scores_N[places]])
            kept = best(all_scores, all_ids, limit)
            ids[query], scores[query] = all_ids[kept], all_scores[kept]
    return ids, scores


def as_queries(queries: Sequence[Any] | NDArray[Any]) -> Vectors:
    """``(Q, d)`` float32 of one vector or several."""
    found = np.asarray(queries, dtype=np.float32)
    return found[None] if found.ndim == 1 else found
