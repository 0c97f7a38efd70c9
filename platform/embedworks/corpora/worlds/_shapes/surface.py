"""Surfaces of triangles: closed, seen from outside, and as points that cover them evenly.

Axes: x to the right, y up, z towards whoever looks at yaw 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Shape legend: F triangles of 3 corners with 3 coordinates; N points; 3 channels of colour, 0 to 1.

# Steps of Roberts' R2 sequence, which covers a square evenly: 1/g and 1/g**2, g**3 = g + 1.
R2 = 0.7548776662466927, 0.5698402909980532
OUTWARD = 1e-4  # in front of a point; what is there hides it, be it that both parts only touch
MEASURED = 4096  # points that a surface's middle is measured by


@dataclass(frozen=True)
class Triangles:
    """Triangles whose corners run counter-clockwise for whoever sees them from outside.

    Attributes:
        corners_F33: Triangle, corner, coordinate.
        colours_F3: RGB of each triangle.
    """

    corners_F33: Floats
    colours_F3: Floats

    @property
    def crosses_F3(self) -> Floats:
        """Normals as long as twice the triangles' areas."""
        first_F3, second_F3, third_F3 = self.corners_F33.swapaxes(0, 1)
        return np.cross(second_F3 - first_F3, third_F3 - first_F3)


@dataclass(frozen=True)
class Cloud:
    """Points of a surface, each standing for the same area.

    Attributes:
        places_N3: Where they are.
        normals_N3: Outwards, of length 1.
        colours_N3: RGB.
    """

    places_N3: Floats
    normals_N3: Floats
    colours_N3: Floats

    def only(self, which: NDArray[np.intp]) -> Cloud:
        """Some of them."""
        return Cloud(self.places_N3[which], self.normals_N3[which], self.colours_N3[which])


def join(parts: Sequence[Triangles]) -> Triangles:
    """All triangles of several surfaces."""
    return Triangles(
        np.concatenate([part.corners_F33 for part in parts]),
        np.concatenate([part.colours_F3 for part in parts]),
    )


def area(triangles: Triangles) -> float:
    """Of all triangles together."""
    return float(np.linalg.norm(triangles.crosses_F3, axis=1).sum()) / 2


def cover(triangles: Triangles, count: int) -> Cloud:
    """``count`` points that cover the triangles evenly; the same ones each time."""
    crosses_F3 = triangles.crosses_F3
    sizes_F = np.linalg.norm(crosses_F3, axis=1)
    ends_F = np.cumsum(sizes_F)
    numbers_N = np.arange(count)
    # A point every so much area, so that no triangle gets two points before it has room for them.
    face_N = np.searchsorted(ends_F, (numbers_N + 0.5) * (ends_F[-1] / count))
    u_N, v_N = (numbers_N * R2[0]) % 1, (numbers_N * R2[1]) % 1
    beyond_N = u_N + v_N > 1  # in the other half of the parallelogram
    u_N, v_N = np.where(beyond_N, 1 - u_N, u_N), np.where(beyond_N, 1 - v_N, v_N)
    first_F3, second_F3, third_F3 = triangles.corners_F33.swapaxes(0, 1)
    along_N3 = u_N[:, None] * (second_F3 - first_F3)[face_N] + v_N[:, None] * (third_F3 - first_F3)[face_N]
    normals_F3 = crosses_F3 / np.maximum(sizes_F, 1e-300)[:, None]
    return Cloud(first_F3[face_N] + along_N3, normals_F3[face_N], triangles.colours_F3[face_N])


def hidden(parts: Sequence[Triangles], cloud: Cloud) -> Flags:
    """Which points of the parts' surfaces have another part right in front of them.

    Args:
        parts: Closed surfaces: one of any form, or several convex ones that touch or overlap.
        cloud: Points of them.
    """
    hidden_N = np.zeros(len(cloud.places_N3), dtype=bool)
    if len(parts) > 1:
        outside_N3 = cloud.places_N3 + OUTWARD * cloud.normals_N3
        for part in parts:
            near_M = _within_box(part, outside_N3)
            hidden_N[near_M[_inside_convex(part, outside_N3[near_M])]] = True
    return hidden_N


def in_unit_ball(parts: Sequence[Triangles]) -> list[Triangles]:
    """Moved and scaled: the mean of the surface that is seen is 0, the farthest corner at distance 1.

    Args:
        parts: As :func:`hidden` takes them.
    """
    cloud = cover(join(parts), MEASURED)
    middle_3 = cloud.places_N3[~hidden(parts, cloud)].mean(axis=0)
    radius = max(np.linalg.norm(part.corners_F33 - middle_3, axis=-1).max() for part in parts)
    return [Triangles((part.corners_F33 - middle_3) / radius, part.colours_F3) for part in parts]


def supply(count: int) -> int:
    """How many points have to cover parts so that ``count`` can be drawn: two in three may be hidden."""
    return 4 * count + 1000


def draw_points(parts: Sequence[Triangles], cloud: Cloud, count: int, rng: np.random.Generator) -> Cloud:
    """Random points of the surface that is seen, uniform by area.

    Args:
        parts: As :func:`hidden` takes them.
        cloud: Points that cover them, at least :func:`supply` of them.
        count: How many to draw.
        rng: Draws.
    """
    some = cloud.only(rng.permutation(len(cloud.places_N3))[: supply(count)])
    return some.only(np.flatnonzero(~hidden(parts, some))[:count])


def _within_box(part: Triangles, places_N3: Floats) -> NDArray[np.intp]:
    """Numbers of the points within a part's bounds."""
    low_3, high_3 = part.corners_F33.min(axis=(0, 1)), part.corners_F33.max(axis=(0, 1))
    near_M = np.arange(len(places_N3))
    for axis in range(3):
        along_M = places_N3[near_M, axis]
        near_M = near_M[(along_M > low_3[axis]) & (along_M < high_3[axis])]
    return near_M


def _inside_convex(part: Triangles, places_N3: Floats) -> Flags:
    """Which points are inside of a closed convex surface."""
    crosses_F3 = part.crosses_F3
    normals_F3 = crosses_F3 / np.linalg.norm(crosses_F3, axis=1, keepdims=True)
    offsets_F = (normals_F3 * part.corners_F33[:, 0]).sum(axis=1)
    inside_N: Flags = (places_N3 @ normals_F3.T < offsets_F).all(axis=1)
    return inside_N
