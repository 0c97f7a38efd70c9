"""What a version must show before it answers anybody: every depth runs, and its vectors make sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from embedworks.inference.engine import Vectors
from embedworks.serving.variants import Checks

if TYPE_CHECKING:
    from embedworks.serving.room import Room

PROBES = ("What does yield do?", "a red bird sings in an old tree")
EQUAL = 1e-3  # of a vector's length: two runs of one text on one machine


class CheckFailed(Exception):
    """A version that must not be served."""


def check_room(room: Room) -> None:
    """Warm a room and check it: vectors are finite, of the right size, equal when asked twice, and differ.

    Raises:
        CheckFailed: saying what is wrong.
    """
    for layers in depths(room):
        first, second = vectors(room, PROBES, layers), vectors(room, PROBES, layers)
        check_vectors(first, second, room.embedder.dimensions, f"at layer {layers}")
    if checks := room.served.checks:
        left, right = zip(*checks.pairs, strict=True)
        check_pairs(vectors(room, left), vectors(room, right), checks)
    room.warm()


def depths(room: Room) -> list[int]:
    """The depths that requests may ask for."""
    full = room.embedder.full_pair[0]
    if room.served.sizes == "any":
        return list(range(1, full + 1))
    return sorted({full, *(layers for layers, _ in room.embedder.settings.pairs)})


def vectors(room: Room, texts: tuple[str, ...], layers: int | None = None) -> Vectors:
    """Whole vectors of texts, computed here and now."""
    ids = room.engine.tokens.cut(list(texts), "")
    depth = layers or room.embedder.full_pair[0]
    pooled = room.engine.pooled(ids, layers=depth, max_tokens=room.served.max_tokens_per_batch)
    return room.engine.finish(pooled, room.embedder.dimensions)


def check_vectors(first: Vectors, second: Vectors, dimensions: int, where: str) -> None:
    """Check the vectors of different texts, asked for twice.

    Raises:
        CheckFailed: saying what is wrong.
    """
    if first.shape[1] != dimensions:
        raise CheckFailed(f"vectors have {first.shape[1]} dimensions {where}; expected {dimensions}")
    if not np.isfinite(first).all():
        raise CheckFailed(f"vectors are not finite {where}")
    lengths = np.linalg.norm(first, axis=1)
    if not lengths.all():
        raise CheckFailed(f"a vector is zero {where}")
    if np.abs(first - second).max() > EQUAL * lengths.max():
        raise CheckFailed(f"a text has two vectors when asked twice {where}")
    if np.abs(first[0] - first[1]).max() <= 1e-6 * lengths.max():
        raise CheckFailed(f"different texts have the same vector {where}")


def check_pairs(left: Vectors, right: Vectors, checks: Checks) -> None:
    """Check that paraphrases lie near each other.

    Raises:
        CheckFailed: naming the worst pair.
    """
    dots = (left * right).sum(axis=1)
    cosines = dots / np.maximum(np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1), 1e-12)
    worst = int(cosines.argmin())
    if not cosines[worst] >= checks.least_cosine:
        one, other = checks.pairs[worst]
        message = f"{one[:60]!r} and {other[:60]!r} have a cosine of {cosines[worst]:.3f}"
        raise CheckFailed(f"{message}; expected {checks.least_cosine:g} or more")
