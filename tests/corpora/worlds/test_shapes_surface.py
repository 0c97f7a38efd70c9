"""Surfaces: closed, covered evenly, and nothing of what is hidden."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.corpora.worlds._shapes.designs import DESIGNS
from embedworks.corpora.worlds._shapes.parts import ball, box, post
from embedworks.corpora.worlds._shapes.silhouettes import GRID, Profile, silhouette, solid
from embedworks.corpora.worlds._shapes.surface import (
    Triangles,
    area,
    cover,
    draw_points,
    in_unit_ball,
    join,
    supply,
)
from embedworks.corpora.worlds._shapes.views import points_needed, render

RED = np.array([1.0, 0.0, 0.0])


def volume(triangles):
    a, b, c = triangles.corners_F33.swapaxes(0, 1)
    return (np.cross(a, b) * c).sum() / 6


def disc(radius):
    """Opacity of a disc with a soft edge."""
    y, x = np.mgrid[:GRID, :GRID] - (GRID - 1) / 2
    return np.rint(np.clip(radius + 0.5 - np.hypot(x, y), 0, 1) * 255).astype(np.uint8)


def planes(part):
    cross = part.crosses_F3
    normals = cross / np.linalg.norm(cross, axis=1, keepdims=True)
    return normals, (normals * part.corners_F33[:, 0]).sum(axis=1)


def signed_distances(part, points):
    """Of points to a convex part: below 0 inside, 0 on it."""
    normals, offsets = planes(part)
    return (points @ normals.T - offsets).max(axis=1)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (box((1, 2, 3), (1, 2, 3)), 6),
        (post((0, 0, 0), (0, 3, 0), 1, sides=4), 6),
        (post((0, 0, 0), (3, 4, 0), 1, 1e-4, sides=64), np.pi * 5 / 3),
        (ball((1, 1, 1), (1, 2, 3)), 4 / 3 * np.pi * 6),
    ],
)
def test_a_part_is_closed_and_as_large_as_it_should_be(part, expected):
    assert np.abs(part.crosses_F3.sum(axis=0)).max() < 1e-9
    assert volume(part) == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_variant_is_made_of_closed_convex_parts_that_points_lie_on(name):
    rng = np.random.default_rng(0)
    for variant in DESIGNS[name].variants:
        parts = in_unit_ball(DESIGNS[name].parts(rng, variant))
        for part in parts:
            assert np.abs(part.crosses_F3.sum(axis=0)).max() < 1e-9
            assert volume(part) > 0
            assert signed_distances(part, part.corners_F33.reshape(-1, 3)).max() < 1e-9
        cloud = draw_points(parts, cover(join(parts), supply(100)), 100, rng)
        points, normals = cloud.places_N3, cloud.normals_N3
        assert points.shape == (100, 3)
        distances = np.stack([signed_distances(part, points) for part in parts])
        assert (np.abs(distances).min(axis=0) < 1e-9).all()
        assert distances.min() > -1e-3
        before = np.stack([signed_distances(part, points + 1e-3 * normals) for part in parts])
        assert (before.min(axis=0) > 0).mean() > 0.95, variant


def test_variants_differ_in_more_than_their_measures():
    for name, design in DESIGNS.items():
        shapes = {
            tuple(np.round(join(design.parts(np.random.default_rng(0), one)).corners_F33.ravel(), 6))
            for one in design.variants
        }
        assert len(shapes) == len(design.variants), name


def test_points_inside_another_part_are_not_drawn():
    parts = [box((0, 0, 0), (2, 2, 2)), box((1, 0, 0), (2, 1, 1))]
    cloud = draw_points(parts, cover(join(parts), 8000), 2000, np.random.default_rng(0))
    x, y, z = cloud.places_N3.T
    assert not ((np.abs(x) < 0.999) & (np.abs(y) < 0.999) & (np.abs(z) < 0.999)).any()
    # The cube's six sides less the bar's section, and the bar's end and the half of its sides outside.
    on_bar = (x > 1 + 1e-9).mean()
    assert on_bar == pytest.approx(5 / (24 - 1 + 5), abs=0.02)


def test_points_between_parts_that_touch_are_not_drawn():
    parts = [box((0, 0, 0), (2, 2, 2)), box((0, 1.5, 0), (1, 1, 1))]
    cloud = draw_points(parts, cover(join(parts), 8000), 2000, np.random.default_rng(0))
    x, y, z = cloud.places_N3.T
    assert not (np.isclose(y, 1) & (np.abs(x) < 0.499) & (np.abs(z) < 0.499)).any()
    assert (np.isclose(y, 1)).mean() == pytest.approx(3 / (23 + 5), abs=0.02)


def test_points_cover_every_triangle_by_its_area():
    part = box((0, 0, 0), (1, 2, 4))
    places = cover(part, 2800).places_N3
    for axis, side, expected in ((0, 0.5, 8), (1, 1, 4), (2, 2, 2)):
        for sign in (-1, 1):
            on_side = np.isclose(places[:, axis], sign * side)
            assert on_side.sum() == pytest.approx(expected * 100, abs=2)
            # Each quarter of a side gets a quarter.
            others = places[on_side][:, [k for k in range(3) if k != axis]]
            assert (others > 0).all(axis=1).mean() == pytest.approx(0.25, abs=0.02)


def test_the_surface_that_is_seen_is_centred_and_reaches_the_unit_sphere():
    parts = in_unit_ball([box((5, 5, 5), (2, 4, 6)), box((5, 5, 8), (1, 1, 1))])
    corners = np.concatenate([part.corners_F33.reshape(-1, 3) for part in parts])
    assert np.linalg.norm(corners, axis=1).max() == pytest.approx(1)
    cloud = draw_points(parts, cover(join(parts), 8000), 2000, np.random.default_rng(0))
    assert np.abs(cloud.places_N3.mean(axis=0)).max() < 0.03


@pytest.mark.parametrize("kind", ["extruded", "inflated"])
def test_a_silhouette_becomes_a_closed_solid_of_its_thickness(kind):
    for taper in (0, 0.5) if kind == "extruded" else (0,):
        one = solid(silhouette(disc(20)), Profile(kind, 0.5, taper), RED)
        assert np.abs(one.crosses_F3.sum(axis=0)).max() < 1e-9
        assert np.ptp(one.corners_F33[..., 2]) == pytest.approx(0.5, rel=0.05)
        assert np.ptp(one.corners_F33[..., 0]) == pytest.approx(2 * 20 / GRID * 2, rel=0.01)


def test_volumes_are_those_of_a_cylinder_a_blunt_cone_and_a_ball():
    radius = 20 / GRID * 2
    shape = silhouette(disc(20))
    assert shape.radius == pytest.approx(radius, rel=0.06)
    circle = np.pi * radius**2
    plate = solid(shape, Profile("extruded", 0.5), RED)
    assert volume(plate) == pytest.approx(circle * 0.5, rel=0.02)
    roof = solid(shape, Profile("extruded", 0.5, 1.0), RED)
    assert volume(roof) == pytest.approx(circle * 0.5 / 3, rel=0.06)
    pillow = solid(shape, Profile("inflated", 2 * radius), RED)
    assert volume(pillow) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.06)
    assert area(pillow) == pytest.approx(4 * np.pi * radius**2, rel=0.06)


def test_holes_and_corners_of_a_silhouette_stay():
    ring = disc(24)
    ring[disc(12) > 127] = 0
    diagonal = np.zeros((GRID, GRID), np.uint8)
    diagonal[10:20, 10:20] = diagonal[20:30, 20:30] = 255
    for alpha in (ring, diagonal):
        one = solid(silhouette(alpha), Profile("extruded", 0.5), RED)
        assert np.abs(one.crosses_F3.sum(axis=0)).max() < 1e-9
        assert volume(one) == pytest.approx((alpha > 127).sum() * (2 / GRID) ** 2 * 0.5, rel=0.04)


def test_a_picture_shows_the_nearest_surface_without_holes():
    blue = box((0, 0, -0.3), (1.0, 1.0, 0.1))
    red = box((0, 0, 0.3), (0.5, 0.5, 0.1))
    parts = [
        Triangles(blue.corners_F33, np.tile([0.0, 0.0, 1.0], (12, 1))),
        Triangles(red.corners_F33, np.tile(RED, (12, 1))),
    ]
    cloud = cover(join(parts), points_needed(64, area(join(parts))))
    front = render(cloud, 64, 0, 0).astype(int)
    back = render(cloud, 64, 180, 0).astype(int)
    assert (front[32, 32, 0] > 100) & (front[32, 32, 2] < 10)
    assert (front[20, 20, 2] > 100) & (front[20, 20, 0] < 10)
    assert (back[32, 32, 2] > 100) & (back[32, 32, 0] < 10)
    for picture in (front, back):
        inside = (picture != 255).any(axis=-1)
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        assert len(rows) == pytest.approx(0.94 * 32, abs=2)  # pixels that it touches
        assert inside[rows[1] : rows[-1], columns[1] : columns[-1]].all()
