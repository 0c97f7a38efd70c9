"""Vectors in the plane: where reports and the maps of indexes place their points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]

KEPT = 50  # principal components that t-SNE sees
PERPLEXITY = 30


def plane(vectors_ND: NDArray[np.floating[Any]]) -> Plane:
    """``(N, 2)`` places: t-SNE that starts at the first two principal components (Kobak & Berens 2019)."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    kept = min(KEPT, *vectors_ND.shape)
    main_NK = PCA(kept, random_state=0).fit_transform(vectors_ND)
    tsne = TSNE(perplexity=perplexity(len(main_NK)), metric="cosine", init="pca", random_state=0, n_jobs=1)
    places_N2 = tsne.fit_transform(main_NK) if len(main_NK) > 4 else main_NK[:, :2]
    return np.asarray(places_N2, float)


def perplexity(count: int) -> int:
    """t-SNE's perplexity for so many points."""
    return max(2, min(PERPLEXITY, (count - 1) // 3))


def turned(places_N2: Plane, onto_N2: Plane) -> Plane:
    """The places rotated or mirrored, which t-SNE leaves open, onto those of another model."""
    return np.asarray((places_N2 - places_N2.mean(axis=0)) @ turn(places_N2, onto_N2))


def turn(places_N2: Plane, onto_N2: Plane) -> Plane:
    """The ``(2, 2)`` rotation or reflection that lays places onto others (orthogonal Procrustes)."""
    own, other = (some - some.mean(axis=0) for some in (places_N2, onto_N2))
    u, _, vt = np.linalg.svd(own.T @ other)
    return np.asarray(u @ vt)


def within(places_N2: Plane) -> Plane:
    """The places with both coordinates stretched to 0 .. 1."""
    low, high = places_N2.min(axis=0), places_N2.max(axis=0)
    return np.asarray((places_N2 - low) / np.maximum(high - low, 1e-9))
