"""Texts as they were matched before encoders: TF-IDF, and Explicit Semantic Analysis on it.

Explicit Semantic Analysis (Gabrilovich and Markovitch, IJCAI 2007) takes a text to one number for each
concept of a list: the cosine of its TF-IDF vector with that of the concept's own text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

Vectors = NDArray[np.float64]

WORD = r"(?u)\b\w+\b"  # words of one letter as well, which some languages have

# Shape legend: N texts, V words, K concepts.


class TfIdf:
    """TF-IDF vectors of length one.

    Args:
        texts: From which words and their weights are taken.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._words = TfidfVectorizer(token_pattern=WORD).fit(list(texts))

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """``(N, V)``; all 0 for a text without a known word."""
        found: Vectors = self._words.transform(list(texts)).toarray()
        return found


class Esa:
    """Explicit Semantic Analysis.

    Args:
        words: The TF-IDF vectors of texts.
        concepts: The text of each concept.
    """

    def __init__(self, words: TfIdf, concepts: Sequence[str]) -> None:
        self._words = words
        self._concepts_KV = words.vectors(concepts)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """``(N, K)`` cosines of each text with each concept's text."""
        found: Vectors = self._words.vectors(texts) @ self._concepts_KV.T
        return found
