"""How well pairs of texts find each other, for systems that choose something by it before they export."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Shape legend: Q queries, C candidates, D width.


def cosines(left_QD: Floats, right_CD: Floats) -> Floats:
    """``(Q, C)`` cosines."""
    left, right = (
        side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12)
        for side in (left_QD, right_CD)
    )
    scores: Floats = left @ right.T
    return scores


def reciprocal_rank(scores_QC: Floats, texts: Sequence[str]) -> float:
    """Mean over queries of 1 / the rank of the right candidate.

    Args:
        scores_QC: Of each query with all candidates.
        texts: The candidates, the right one of each query at its own place; equal texts are equally right.
            A wrong one with the same score ranks first.

    Example:
        >>> reciprocal_rank(np.array([[0.9, 0.1], [0.8, 0.3]]), ["x", "y"])
        0.75
    """
    of_text = np.unique(np.array(texts), return_inverse=True)[1]
    total = 0.0
    for scores_C, text in zip(scores_QC, of_text, strict=True):
        right_C = of_text == text
        total += 1 / (1 + int((scores_C[~right_C] >= scores_C[right_C].max()).sum()))
    return total / len(texts)
