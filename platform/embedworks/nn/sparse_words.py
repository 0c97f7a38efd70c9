"""Sparse vectors from a decoder's next-token scores, over the words of the text itself (PromptReps).

A text's weights are those of its own tokens, as likely as the model finds them for the one word that it is
asked for (arXiv 2404.18424, its authors' code): ``w_v = log(1 + relu(logit_v))``, the highest 128 of them,
as integers ``round(100 w_v)``. Dense and sparse scores are mixed after both are scaled to 0 .. 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

TOP, SCALE = 128, 100
WORD = re.compile(r"[^\W_]+")

Weights = dict[int, int]
Scores = NDArray[np.float32]

# Shape legend: V vocabulary, Q queries, C candidates.


def content_words(text: str) -> list[str]:
    """The words of a lower-cased text, each once, without stop words and punctuation.

    Example:
        >>> content_words("The Cat, and the cat's fish!")
        ['cat', 'fish']
    """
    found = dict.fromkeys(WORD.findall(text.lower()))
    return [word for word in found if word not in _stop_words() and len(word) > 1]


def sparse_weights(logits_V: Tensor | Sequence[float], allowed: Collection[int], top: int = TOP) -> Weights:
    """Token -> weight; tokens of weight 0 are dropped.

    Args:
        logits_V: Of the next token.
        allowed: Ids of the text's own words.
        top: At most so many are kept.

    Example:
        >>> sparse_weights([3.0, -1.0, 5.0], allowed=[0, 1])
        {0: 139}
    """
    weighed = {token: round(SCALE * math.log1p(max(0.0, float(logits_V[token])))) for token in allowed}
    best = sorted(weighed, key=lambda token: (-weighed[token], token))[:top]
    return {token: weighed[token] for token in best if weighed[token] > 0}


def sparse_scores(queries: Sequence[Mapping[int, int]], candidates: Sequence[Mapping[int, int]]) -> Scores:
    """``(Q, C)`` inner products."""
    return np.array(
        [
            [sum(weight * other.get(token, 0) for token, weight in query.items()) for other in candidates]
            for query in queries
        ],
        np.float32,
    ).reshape(len(queries), len(candidates))


def hybrid_scores(dense_QC: Scores, sparse_QC: Scores, share: float = 0.5) -> Scores:
    """A linear mix of both after each query's scores were scaled to 0 .. 1.

    Args:
        dense_QC: Similarities of dense vectors.
        sparse_QC: Those of :func:`sparse_scores`.
        share: Of the dense ones.
    """
    mixed: Scores = share * _min_max(dense_QC) + (1 - share) * _min_max(sparse_QC)
    return mixed


def _min_max(scores_QC: Scores) -> Scores:
    low_Q1, high_Q1 = scores_QC.min(1, keepdims=True), scores_QC.max(1, keepdims=True)
    scaled: Scores = (scores_QC - low_Q1) / np.maximum(high_Q1 - low_Q1, 1e-9)
    return scaled


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)
