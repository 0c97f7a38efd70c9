"""Convex parts that things are assembled from: boxes, posts and balls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.worlds._shapes.surface import Floats, Triangles

ROUND = 16  # sides of what is round
SECTIONS = {"round": ROUND, "eight-sided": 8, "four-sided": 4}
SECOND = 0.82  # of the colour, for the parts that are not the main one

Point = Sequence[float]
Part = Triangles  # with the shade of its colour in ``colours_F3``

# Shape legend: S sides, F triangles of 3 corners with 3 coordinates.


def box(middle: Point, size: Point, shade: float = 1.0) -> Part:
    """A box along the axes.

    Args:
        middle: x, y, z.
        size: Width, height, depth.
        shade: What its colour is multiplied by.
    """
    return _part(np.array(middle) + _cube_F33() * np.array(size) / 2, shade)


def post(
    start: Point,
    end: Point,
    radius: float,
    end_radius: float | None = None,
    sides: int = ROUND,
    shade: float = 1.0,
) -> Part:
    """A cylinder, cone or prism from one point to another.

    Args:
        start: The middle of one end.
        end: The middle of the other one.
        radius: Of the circle around the first end.
        end_radius: Of that around the other one; the same if None.
        sides: Of its section; 4 for a square one.
        shade: What its colour is multiplied by.
    """
    a_3, b_3 = np.array(start, float), np.array(end, float)
    along_3 = (b_3 - a_3) / np.linalg.norm(b_3 - a_3)
    right_3 = np.cross(along_3, [0.0, 0.0, 1.0] if abs(along_3[2]) < 0.9 else [1.0, 0.0, 0.0])
    right_3 /= np.linalg.norm(right_3)
    angles_S = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    ring_S3 = np.cos(angles_S)[:, None] * right_3 + np.sin(angles_S)[:, None] * np.cross(along_3, right_3)
    # A radius of 0 would make triangles without any area, which have no direction.
    first_S3 = a_3 + max(radius, 1e-4) * ring_S3
    second_S3 = b_3 + max(radius if end_radius is None else end_radius, 1e-4) * ring_S3
    return _part(_tube(a_3, first_S3, second_S3, b_3), shade)


def ball(middle: Point, radius: float | Point, shade: float = 1.0) -> Part:
    """A ball, or an ellipsoid of three radii."""
    return _part(np.array(middle) + _ball_F33() * np.broadcast_to(radius, 3), shade)


def turned(profile: Sequence[tuple[float, float]], sides: int = ROUND) -> list[Part]:
    """What a lathe makes: posts on top of each other.

    Args:
        profile: Height and radius, from below.
        sides: Of its section.
    """
    return [
        post((0, low, 0), (0, high, 0), radius, next_radius, sides)
        for (low, radius), (high, next_radius) in pairwise(profile)
    ]


def _part(corners_F33: Floats, shade: float) -> Part:
    return Part(corners_F33, np.full((len(corners_F33), 3), shade))


def _tube(a_3: Floats, first_S3: Floats, second_S3: Floats, b_3: Floats) -> Floats:
    """Two rings, the sides between them, and both ends."""
    next_first_S3, next_second_S3 = np.roll(first_S3, -1, axis=0), np.roll(second_S3, -1, axis=0)
    faces = [
        (first_S3, next_first_S3, next_second_S3),
        (first_S3, next_second_S3, second_S3),
        (np.broadcast_to(a_3, first_S3.shape), next_first_S3, first_S3),
        (np.broadcast_to(b_3, first_S3.shape), second_S3, next_second_S3),
    ]
    return np.concatenate([np.stack(face, axis=1) for face in faces])


@lru_cache(maxsize=1)
def _cube_F33() -> Floats:
    """Of side 2."""
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    return _frozen(corners[np.array(faces)])


@lru_cache(maxsize=1)
def _ball_F33() -> Floats:
    """Of radius 1."""
    rings = []
    for polar in np.linspace(0, np.pi, ROUND // 2 + 1)[1:-1]:
        around = np.arange(ROUND) * 2 * np.pi / ROUND
        y = np.full(ROUND, -np.cos(polar))
        rings.append(np.stack([np.sin(polar) * np.cos(around), y, -np.sin(polar) * np.sin(around)], axis=1))
    low, high = np.array([0.0, -1, 0]), np.array([0.0, 1, 0])
    faces = []
    for first, second in pairwise(rings):
        faces.append(_tube(low, first, second, high)[: 2 * ROUND])
    caps = _tube(low, rings[0], rings[-1], high)[2 * ROUND :]
    return _frozen(np.concatenate([*faces, caps]))


def _frozen(array: Floats) -> NDArray[np.float64]:
    array.setflags(write=False)
    return array
