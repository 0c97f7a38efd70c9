"""Exact search among sparse vectors, by an inverted index: for each dimension the rows that have it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from embedworks.vectors.exact import Ids, Measure, Vectors, best, inverse_lengths

SPARSE = 0.1  # share of numbers that are not 0, below which this costs less than a product of matrices

# Shape legend: Q queries, N rows, D columns that are stored, d those that are read, K hits.


def is_sparse(vectors_ND: Vectors) -> bool:
    """Whether so many numbers are 0 that an inverted index pays."""
    return bool(np.count_nonzero(vectors_ND) < SPARSE * vectors_ND.size)


class Inverted:
    """The vectors of one column in memory, as :class:`.exact.Matrix` has them, but without zeros.

    A query touches the rows of its own dimensions alone. Rows that share none with it have score 0.

    Args:
        vectors_ND: ``(N, D)`` float32.
        ids_N: Ids of the rows.
        measure: How vectors are compared.
    """

    def __init__(self, vectors_ND: Vectors, ids_N: Ids, measure: Measure) -> None:
        self.postings_ND, self.ids_N, self.measure = csc_array(vectors_ND), ids_N, measure
        self._scales: dict[int, Vectors | None] = {}

    def nearest(
        self, queries_Qd: Vectors, limit: int, among: NDArray[np.intp] | None = None
    ) -> tuple[list[Ids], list[Vectors]]:
        """Ids and scores of each query's best rows; see :meth:`embedworks.vectors.exact.Matrix.nearest`."""
        scale_N = self._scale(queries_Qd.shape[1])
        ids_N = self.ids_N if among is None else self.ids_N[among]
        ids, scores = [], []
        for query_d in self.measure.queries(queries_Qd):
            scores_N = self._scores(query_d)
            if scale_N is not None:
                scores_N *= scale_N
            some_N = scores_N if among is None else scores_N[among]
            places = best(some_N, ids_N, limit)
            ids.append(ids_N[places])
            scores.append(some_N[places])
        return ids, scores

    def _scores(self, query_d: Vectors) -> Vectors:
        scores_N: Vectors = np.zeros(len(self.ids_N), np.float32)
        starts, rows, values = self.postings_ND.indptr, self.postings_ND.indices, self.postings_ND.data
        for column in np.flatnonzero(query_d):
            held = slice(starts[column], starts[column + 1])
            scores_N[rows[held]] += query_d[column] * values[held]
        return scores_N

    def _scale(self, dimensions: int) -> Vectors | None:
        if dimensions not in self._scales:
            whole = not self.measure.unit or (
                self.measure.stored_unit and dimensions == self.postings_ND.shape[1]
            )
            read_Nd = None if whole else self.postings_ND[:, :dimensions]
            self._scales[dimensions] = None if read_Nd is None else inverse_lengths_of(read_Nd)
        return self._scales[dimensions]


def inverse_lengths_of(rows_Nd: csc_array) -> Vectors:
    """``(N,)`` one over the length of each row."""
    squares_N = np.asarray(rows_Nd.multiply(rows_Nd).sum(axis=1), np.float32)
    return inverse_lengths(np.sqrt(squares_N)[:, None])
