"""A shape from its model: parts in colour, and the words for how it is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedworks.corpora.drawings.colours import COLOURS, tint
from embedworks.corpora.drawings.raster import emoji_HW4
from embedworks.corpora.worlds._shapes.designs import DESIGNS
from embedworks.corpora.worlds._shapes.names import Model
from embedworks.corpora.worlds._shapes.silhouettes import GRID, Profile, Silhouette, silhouette, solid
from embedworks.corpora.worlds._shapes.surface import Floats, Triangles
from embedworks.corpora.worlds._shapes.texts import form_of

LINES = 0.4  # how much of a drawing's own shades its front has

Rng = np.random.Generator


@dataclass(frozen=True)
class Built:
    """A shape.

    Attributes:
        parts: One closed surface, or several convex ones that stick into each other.
        form: Words.
        thickness: Greatest depth as a part of the drawing's side; None for an assembly.
        taper: As :class:`._shapes.silhouettes.Profile` has it; None for all that are not extruded.
    """

    parts: Sequence[Triangles]
    form: str
    thickness: float | None = None
    taper: float | None = None


def build(model: Model, kind: str, colour: str, rng: Rng) -> Built:
    """One shape.

    Args:
        model: What it is made from.
        kind: ``extruded`` or ``inflated``, for a drawing; ``parametric`` for an assembly.
        colour: A name of ``COLOURS``.
        rng: Draws its measures.
    """
    rgb = np.array(COLOURS[colour]) / 255
    if kind == "parametric":
        parts = DESIGNS[model.name].parts(rng, tuple(model.key.split(", ")))
        return Built([Triangles(one.corners_F33, one.colours_F3 * rgb) for one in parts], model.key)
    shape = silhouette(model.alpha())
    profile = _profile(kind, shape, rng)
    return Built(
        [solid(shape, profile, rgb, _shades(model, colour))],
        form_of(profile, shape.radius),
        profile.thickness / 2,
        profile.taper if kind == "extruded" else None,
    )


def _profile(kind: str, shape: Silhouette, rng: Rng) -> Profile:
    if kind == "inflated":
        return Profile(kind, float(2 * shape.radius * rng.uniform(0.4, 1.2)))
    taper = float(rng.uniform(0.2, 1)) if rng.random() < 0.5 else 0.0
    return Profile(kind, float(np.exp(rng.uniform(*np.log([0.08, 0.8])))), taper)


def _shades(model: Model, colour: str) -> Floats | None:
    """An emoji's front: its own lines, in shades of the colour."""
    if model.source != "emoji":
        return None
    rgb = COLOURS[colour]
    lines_HW3 = tint(emoji_HW4(model.key, GRID), rgb)[..., :3]
    shades_HW3: Floats = (LINES * lines_HW3 + (1 - LINES) * np.array(rgb)) / 255
    return shades_HW3
