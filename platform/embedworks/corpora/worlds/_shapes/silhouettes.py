"""Solids from silhouettes: a drawing's outline, thickened to a plate, a bevelled plate or a pillow.

A silhouette is where a drawing's opacity, taken linearly between pixel centres, is above one half. The
solid reaches from -h to h in depth, where h depends on how far from the outline one is:

    plate      h = thickness / 2
    bevelled   h = thickness / 2 * min(1, d / taper)
    pillow     h = thickness / 2 * sqrt(1 - (1 - d)**2)

with d = 0 on the outline and 1 where the silhouette is widest. The drawing is 2 units wide.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.recipe import need
from embedworks.corpora.worlds._shapes.surface import Floats, Triangles, join

GRID = 64  # pixels of a drawing's side
SMOOTH = 0.8  # pixels that distances are blurred by, which come in steps

# Shape legend: H = W = GRID + 2 pixels of a drawing with an empty rim, M cells of four pixels, E pieces
# of outline.

# The corners of a cell clockwise from the upper left one, as steps down and to the right.
CORNERS = ((0, 0), (0, 1), (1, 1), (1, 0))


class Profile(NamedTuple):
    """How a silhouette becomes a solid.

    Attributes:
        kind: ``extruded`` or ``inflated``.
        thickness: Greatest depth, where the drawing's side is 2.
        taper: Part of the way to the middle on which the edge of an extruded solid rises; 0: upright.
    """

    kind: str
    thickness: float
    taper: float = 0.0

    def height(self, distance: Floats) -> Floats:
        """Half the depth at a distance from the outline, 0 to 1."""
        half = self.thickness / 2
        if self.kind == "inflated":
            return half * np.sqrt(1 - (1 - distance) ** 2)
        if self.taper:
            return half * np.minimum(1, distance / self.taper)
        return np.full_like(distance, half)


class Silhouette(NamedTuple):
    """A drawing's outline.

    Attributes:
        opacity_HW: 0 to 1.
        distance_HW: To the outline, 1 where it is largest, 0 outside.
        radius: The largest distance, where the drawing's side is 2.
    """

    opacity_HW: Floats
    distance_HW: Floats
    radius: float


def silhouette(alpha: NDArray[np.uint8]) -> Silhouette:
    """A silhouette of ``GRID`` x ``GRID`` pixels of opacity, 0 to 255.

    Raises:
        InputError: if SciPy is not installed.
    """
    ndimage = need("scipy.ndimage", "scipy")
    opacity_HW = np.pad(alpha / 255, 1)
    inside_HW = opacity_HW > 0.5
    # Distances between pixel centres reach half a pixel beyond the outline.
    steps_HW = np.where(inside_HW, ndimage.distance_transform_edt(inside_HW) - 0.5, 0)
    distance_HW = np.where(inside_HW, ndimage.gaussian_filter(steps_HW, SMOOTH), 0)
    return Silhouette(
        opacity_HW, distance_HW / max(distance_HW.max(), 1e-9), float(steps_HW.max()) * 2 / GRID
    )


def solid(shape: Silhouette, profile: Profile, rgb: Floats, shades_HW3: Floats | None = None) -> Triangles:
    """A closed surface.

    Args:
        shape: The silhouette.
        profile: Its thickness.
        rgb: The colour, 0 to 1.
        shades_HW3: Colours of front and back, ``GRID`` x ``GRID``; those of the edge are ``rgb``.
    """
    height_HW = profile.height(shape.distance_HW)
    rim = float(profile.height(np.zeros(1))[0])
    fronts, walls = [], []
    for case in range(1, 16):
        cells = _cells(shape.opacity_HW, case)
        if not cells.size:
            continue
        plan_M82, height_M8 = _points(shape.opacity_HW, height_HW, cells, rim)
        outline = _outline(case)
        colours_M3 = _colours(cells, case, rgb, shades_HW3)
        fronts += _fan(outline, plan_M82, height_M8, colours_M3)
        if rim:
            walls += [_wall(plan_M82[:, a], plan_M82[:, b], rim, rgb) for a, b in _edges(outline)]
    front = join(fronts)
    back = Triangles(front.corners_F33[:, ::-1] * [1, 1, -1], front.colours_F3)
    return join([front, back, *walls])


@lru_cache(maxsize=16)
def _outline(case: int) -> tuple[int, ...]:
    """What a cell has inside, clockwise: its corners 0 to 3, and 4 to 7 where the outline cuts its sides.

    Args:
        case: Bit k is set if corner k is inside. Where two opposite ones are, they are joined.
    """
    found = []
    for corner in range(4):
        inside, following = case >> corner & 1, case >> (corner + 1) % 4 & 1
        if inside:
            found.append(corner)
        if inside != following:
            found.append(4 + corner)
    return tuple(found)


def _edges(outline: tuple[int, ...]) -> list[tuple[int, int]]:
    """Pieces of the silhouette's own outline."""
    following = zip(outline, outline[1:] + outline[:1], strict=True)
    return [(a, b) for a, b in following if a >= 4 and b >= 4]


def _cells(opacity_HW: Floats, case: int) -> NDArray[np.intp]:
    """Upper left corners ``(M, 2)`` of the cells of one case."""
    inside = opacity_HW > 0.5
    height, width = (side - 1 for side in inside.shape)
    cases = sum(
        inside[down : down + height, right : right + width].astype(int) << corner
        for corner, (down, right) in enumerate(CORNERS)
    )
    return np.argwhere(cases == case)


def _points(
    opacity_HW: Floats, height_HW: Floats, cells_M2: NDArray[np.intp], rim: float
) -> tuple[Floats, Floats]:
    """The corners of cells and the cuts of their sides, as x and y, and as height.

    A cut of a side that the outline does not cross is meaningless, and not used.
    """
    corners_M42 = cells_M2[:, None] + np.array(CORNERS)
    rows, columns = corners_M42[..., 0], corners_M42[..., 1]
    opacity_M4 = opacity_HW[rows, columns]
    next_M4 = np.roll(opacity_M4, -1, axis=1)
    step_M4 = next_M4 - opacity_M4
    share_M4 = (0.5 - opacity_M4) / np.where(step_M4 == 0, 1, step_M4)
    cuts_M42 = corners_M42 + share_M4[..., None] * (np.roll(corners_M42, -1, axis=1) - corners_M42)
    grid_M82 = np.concatenate([corners_M42, cuts_M42], axis=1)
    middle = (len(opacity_HW) - 1) / 2
    plan_M82 = np.stack([grid_M82[..., 1] - middle, middle - grid_M82[..., 0]], axis=-1) * (2 / GRID)
    rims_M4 = np.full(share_M4.shape, rim)
    return plan_M82, np.concatenate([height_HW[rows, columns], rims_M4], axis=1)


def _colours(cells_M2: NDArray[np.intp], case: int, rgb: Floats, shades_HW3: Floats | None) -> Floats:
    """Of each cell: that of its first corner that is inside."""
    if shades_HW3 is None:
        return np.tile(rgb, (len(cells_M2), 1))
    first = next(corner for corner in range(4) if case >> corner & 1)
    rows_M, columns_M = (cells_M2 + CORNERS[first] - 1).T
    shades_M3: Floats = shades_HW3[rows_M, columns_M]
    return shades_M3


def _fan(
    outline: tuple[int, ...], plan_M82: Floats, height_M8: Floats, colours_M3: Floats
) -> list[Triangles]:
    """The front of cells: triangles around the outline's first point."""
    place_M83 = np.concatenate([plan_M82, height_M8[..., None]], axis=-1)
    corners = [(outline[0], outline[k + 1], outline[k]) for k in range(1, len(outline) - 1)]
    return [Triangles(place_M83[:, list(three)], colours_M3) for three in corners]


def _wall(start_E2: Floats, end_E2: Floats, rim: float, rgb: Floats) -> Triangles:
    """Upright edges over pieces of outline that have the inside on their right."""
    count = len(start_E2)
    low_E1, high_E1 = np.full((count, 1), -rim), np.full((count, 1), rim)
    a, b = np.hstack([start_E2, low_E1]), np.hstack([end_E2, low_E1])
    c, d = np.hstack([end_E2, high_E1]), np.hstack([start_E2, high_E1])
    corners_F33 = np.concatenate([np.stack([b, a, d], axis=1), np.stack([b, d, c], axis=1)])
    return Triangles(corners_F33, np.tile(rgb, (2 * count, 1)))
