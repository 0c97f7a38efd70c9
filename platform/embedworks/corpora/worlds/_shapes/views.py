"""Views of a surface: its points on a grid of pixels, the nearest in front, lit from the upper left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.worlds._shapes.surface import Cloud, Floats

Pixels = NDArray[np.uint8]

FILLED = 0.94  # of half a picture's side is the radius of the unit ball
LIGHT = np.array([-0.35, 0.5, 0.79]) / np.linalg.norm([-0.35, 0.5, 0.79])  # where it comes from
DARK = 0.55  # of a colour, where no light falls
POINTS = 4  # for each pixel that the surface would fill laid flat, so that hardly any stays empty

# Shape legend: N points, H = W = size pixels, P = H * W pixels in one row.


def points_needed(size: int, area: float) -> int:
    """How many points have to cover a surface of that area, for pictures of that size."""
    return round(POINTS * area * (FILLED * size / 2) ** 2)


def render(cloud: Cloud, size: int, yaw: float, elevation: float) -> Pixels:
    """A picture ``(size, size, 3)`` on white, without perspective.

    Args:
        cloud: Within the unit ball; as many points as :func:`points_needed` says.
        size: Pixels of its sides.
        yaw: Degrees that the shape is turned to the right about the vertical.
        elevation: Degrees above the horizon to look from.
    """
    turn_33 = _turn(np.radians(yaw), np.radians(elevation))
    front_N = np.flatnonzero(cloud.normals_N3 @ turn_33[2] > 0)
    light_N = np.clip(cloud.normals_N3[front_N] @ (LIGHT @ turn_33), 0, 1)
    colours_N3 = cloud.colours_N3[front_N] * (DARK + (1 - DARK) * light_N)[:, None]
    picture_P3, seen_P = _nearest(cloud.places_N3[front_N] @ turn_33.T, colours_N3, size)
    _fill_holes(picture_P3, seen_P, size)
    return np.rint(picture_P3.reshape(size, size, 3) * 255).astype(np.uint8)


def _turn(yaw: float, elevation: float) -> Floats:
    """The rotation from a shape's axes to the viewer's."""
    c, s = np.cos(yaw), np.sin(yaw)
    about_y_33 = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(elevation), np.sin(elevation)
    about_x_33 = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    turn_33: Floats = about_x_33 @ about_y_33
    return turn_33


def _nearest(places_N3: Floats, colours_N3: Floats, size: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Pixels in the mean colour of the points that are in front there, or white; and which have any."""
    columns_N = ((1 + FILLED * places_N3[:, 0]) * (size / 2)).astype(int)
    rows_N = ((1 - FILLED * places_N3[:, 1]) * (size / 2)).astype(int)
    pixel_N, depth_N = rows_N * size + columns_N, places_N3[:, 2]
    front_P = np.full(size * size, -np.inf)
    nearest_last_N = np.argsort(depth_N)
    front_P[pixel_N[nearest_last_N]] = depth_N[nearest_last_N]
    in_front_N = np.flatnonzero(depth_N > front_P[pixel_N] - 4 / size)  # as deep as two pixels are wide
    pixel_N, colours_N3 = pixel_N[in_front_N], colours_N3[in_front_N]
    count_P = np.bincount(pixel_N, minlength=size * size)
    sums_P3 = np.stack([np.bincount(pixel_N, one, size * size) for one in colours_N3.T], axis=1)
    seen_P = count_P > 0
    return np.where(seen_P[:, None], sums_P3 / np.maximum(count_P, 1)[:, None], 1), seen_P


def _fill_holes(picture_P3: Floats, seen_P: NDArray[np.bool_], size: int) -> None:
    """Give pixels without any point, between three or four that have some, the mean of those."""
    inner_P = np.zeros((size, size), dtype=bool)
    inner_P[1:-1, 1:-1] = True
    empty_M = np.flatnonzero(inner_P.ravel() & ~seen_P)
    around_M4 = empty_M[:, None] + np.array([-size, size, -1, 1])
    holes = seen_P[around_M4].sum(axis=1) >= 3
    around_M4, weights_M4 = around_M4[holes], seen_P[around_M4[holes]]
    sums_M3 = (picture_P3[around_M4] * weights_M4[..., None]).sum(axis=1)
    picture_P3[empty_M[holes]] = sums_M3 / weights_M4.sum(axis=1, keepdims=True)
