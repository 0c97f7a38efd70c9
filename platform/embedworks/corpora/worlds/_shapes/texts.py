"""What is written of a shape: a caption that is true, and a raw name as people leave it on files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embedworks.corpora.worlds._shapes.names import FORMS, says
from embedworks.corpora.worlds._shapes.silhouettes import Profile

THIN, THICK = 0.18, 0.42  # depth of a plate and of a block, where the drawing's side is 2
FULL = 0.8  # of a circular section at the widest place

# None has a word that could be a name.
FILES = (
    "untitled-{0}",
    "tmp_{1:06x}.obj",
    "unnamed ({0})",
    "rev{0}_{1:06x}",
    "{1:08d}.fbx",
    "Untitled_v{0}_{1:04x}",
)


def form_of(profile: Profile, radius: float) -> str:
    """The words for a drawing's profile.

    Args:
        profile: How it was thickened.
        radius: Half the widest place of its silhouette.
    """
    thin, plate, thick, flat, full, bevelled = FORMS
    if profile.kind == "inflated":
        return full if profile.thickness >= FULL * 2 * radius else flat
    form = thin if profile.thickness < THIN else plate if profile.thickness < THICK else thick
    return f"{form}, {bevelled}" if profile.taper else form


def caption(name: str, colour: str, form: str) -> str:
    """``a red arrow, thin plate``."""
    article = "an" if colour[0] in "aeiou" else "a"
    return f"{article} {colour} {name}, {form}"


def raw_text(name: str, names: Sequence[str], noise: float, rng: np.random.Generator) -> tuple[str, str]:
    """A file's name, and what is wrong with it: ``none``, ``file`` or ``wrong``.

    Args:
        name: What the shape is called.
        names: What wrong names are drawn from.
        noise: How often something is wrong: half the time a file name that says nothing, or else another
            shape's name.
        rng: Draws.
    """
    if rng.random() >= noise:
        return name, "none"
    if rng.random() < 0.5:
        pattern = FILES[rng.integers(len(FILES))]
        return pattern.format(rng.integers(1, 40), rng.integers(2**24)), "file"
    while True:
        other = names[int(rng.integers(len(names)))]
        if not says(name, other) and not says(other, name):
            return other, "wrong"
