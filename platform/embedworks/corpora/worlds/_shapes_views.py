"""Views of a surface: its points on a grid of pixels, the nearest in front, lit from the upper left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.worlds._shapes_surface import Cloud, Floats

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
    normals_N3 = cloud.normals_N3 @ turn_33.T
    facing_N = normals_N3[:, 2] > 0
    places_N3 = cloud.places_N3[facing_N] @ turn_33.T
    light_N1 = DARK + (1 - DARK) * np.clip(normals_N3[facing_N] @ LIGHT, 0, 1)[:, None]
    colours_P3, seen_P = _nearest(places_N3, cloud.colours_N3[facing_N] * light_N1, size)
    picture_HW3 = np.where(seen_P[:, None], colours_P3, 1).reshape(size, size, 3)
    return np.rint(_filled(picture_HW3, seen_P.reshape(size, size)) * 255).astype(np.uint8)


def _turn(yaw: float, elevation: float) -> Floats:
    """The rotation from a shape's axes to the viewer's."""
    c, s = np.cos(yaw), np.sin(yaw)
    about_y_33 = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(elevation), np.sin(elevation)
    about_x_33 = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return about_x_33 @ about_y_33


def _nearest(places_N3: Floats, colours_N3: Floats, size: int) -> tuple[Floats, NDArray[np.bool_]]:
    """The mean colour of the points that are in front in each pixel, and which pixels have any."""
    columns_N = ((1 + FILLED * places_N3[:, 0]) * size / 2).astype(int)
    rows_N = ((1 - FILLED * places_N3[:, 1]) * size / 2).astype(int)
    pixel_N, depth_N = rows_N * size + columns_N, places_N3[:, 2]
    front_P = np.full(size * size, -np.inf)
    nearest_last_N = np.argsort(depth_N)
    front_P[pixel_N[nearest_last_N]] = depth_N[nearest_last_N]
    in_front_N = depth_N > front_P[pixel_N] - 4 / size  # as deep as two pixels are wide
    pixel_N, colours_N3 = pixel_N[in_front_N], colours_N3[in_front_N]
    count_P = np.bincount(pixel_N, minlength=size * size)
    sums_P3 = np.stack([np.bincount(pixel_N, one, size * size) for one in colours_N3.T], axis=1)
    return sums_P3 / np.maximum(count_P, 1)[:, None], count_P > 0


def _filled(picture_HW3: Floats, seen_HW: NDArray[np.bool_]) -> Floats:
    """Pixels that no point met, between three or four that some did, get those pixels' mean colour."""
    seen = np.pad(seen_HW, 1).astype(float)
    colours = np.pad(picture_HW3 * seen_HW[..., None], ((1, 1), (1, 1), (0, 0)))
    shifts = ((0, 1), (2, 1), (1, 0), (1, 2))
    size = len(seen_HW)
    count_HW = sum(seen[y : y + size, x : x + size] for y, x in shifts)
    sums_HW3 = sum(colours[y : y + size, x : x + size] for y, x in shifts)
    holes_HW1 = (~seen_HW & (np.asarray(count_HW) >= 3))[..., None]
    return np.where(holes_HW1, sums_HW3 / np.maximum(count_HW, 1)[..., None], picture_HW3)
