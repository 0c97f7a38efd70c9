"""What each coordinate adds to the similarity of two vectors."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

# Shape legend: N pairs, K coordinates.


def contributions(
    a_NK: NDArray[np.floating], b_NK: NDArray[np.floating], similarity: Literal["cosine", "dot"] = "cosine"
) -> NDArray[np.float64]:
    """``(N, K)`` parts of the i-th's similarity with the i-th; they sum to it.

    For the cosine ``a_k b_k / (|a| |b|)``, for the dot product ``a_k b_k``.

    Example:
        >>> contributions(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0]])).tolist()
        [[0.6, 0.0]]
    """
    a, b = (np.asarray(side, np.float64) for side in (a_NK, b_NK))
    if similarity == "cosine":
        a, b = (side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12) for side in (a, b))
    found: NDArray[np.float64] = a * b
    return found
