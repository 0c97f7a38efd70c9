"""Texts as they were matched before encoders: TF-IDF, and Explicit Semantic Analysis on it.

Explicit Semantic Analysis (Gabrilovich and Markovitch, IJCAI 2007) takes a text to one number for each
concept of a list: the cosine of its TF-IDF vector with that of the concept's own text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

WORD = r"(?u)\b\w+\b"  # words of one letter as well, which some languages have

# Shape legend: N texts, V words, K concepts, Q queries, C candidates of each.


class TfIdf:
    """TF-IDF vectors of length one.

    Args:
        texts: From which words and their weights are taken.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._words = TfidfVectorizer(token_pattern=WORD).fit(list(texts))

    def vectors(self, texts: Sequence[str]) -> csr_array[Any, Any]:
        """``(N, V)``, sparse; all 0 for a text without a known word."""
        return csr_array(self._words.transform(list(texts)))


class Esa:
    """Explicit Semantic Analysis.

    Args:
        words: The TF-IDF vectors of texts.
        concepts: The text of each concept.
    """

    def __init__(self, words: TfIdf, concepts: Sequence[str]) -> None:
        self._words = words
        self._concepts_VK = words.vectors(concepts).T.tocsr()

    def vectors(self, texts: Sequence[str]) -> csr_array[Any, Any]:
        """``(N, K)`` cosines of each text with each concept's text, sparse."""
        return csr_array(self._words.vectors(texts) @ self._concepts_VK)


def sparse_cosines(
    queries_QV: csr_array[Any, Any], candidates_NV: csr_array[Any, Any]
) -> NDArray[np.float64]:
    """``(Q, C)`` cosine of every query with its own candidates, which lie in the queries' order.

    0 where a side is all 0.
    """
    count = queries_QV.shape[0]
    own_N = np.arange(count).repeat(candidates_NV.shape[0] // count)
    products_N = (queries_QV[own_N] * candidates_NV).sum(axis=1)
    lengths_N = _lengths(queries_QV)[own_N] * _lengths(candidates_NV)
    cosines: NDArray[np.float64] = products_N / np.maximum(lengths_N, 1e-12)
    return cosines.reshape(count, -1)


def _lengths(vectors_NV: csr_array[Any, Any]) -> NDArray[np.float64]:
    lengths_N: NDArray[np.float64] = np.sqrt((vectors_NV * vectors_NV).sum(axis=1))
    return lengths_N
