"""What shapes are called: drawings and assemblies by name, and which of them are held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from embedworks.corpora.drawings.colours import COLOURS
from embedworks.corpora.drawings.emoji import base_emoji, held_out_bases
from embedworks.corpora.drawings.icons import Icon, all_icons, held_out_concepts
from embedworks.corpora.drawings.raster import emoji_HW4, icon_mask_HW
from embedworks.corpora.splitting import hash_order
from embedworks.corpora.worlds._shapes.designs import DESIGNS
from embedworks.corpora.worlds._shapes.silhouettes import GRID

# Faces, flags and signs have one outline for all: it is inside that they differ.
CATEGORIES = ("Activities", "Animals & Nature", "Food & Drink", "Objects", "Travel & Places")
# Font -> the style whose glyphs are filled. Of several versions of one hand, one.
FILLED = {
    "material": (),
    "fa6-solid": (),
    "phosphor": ("fill",),
    "remix": ("fill",),
    "codicon": (),
    "elusive": (),
}
BRANDS = "fa6-brands"
ALIKE = 0.9  # shared part of two silhouettes that count as one
LEAST, MOST = 0.06, 0.85  # of a square, that a silhouette covers
HELD_OUT = 0.15  # of the names, where no other corpus says which
OTHER_SHAPES = 0.2  # of a name's models, held out where it has several

FORMS = ("thin plate", "plate", "thick block", "flat pillow", "full pillow", "bevelled")
WORDS = (
    *FORMS,
    *COLOURS,
    *(choice for design in DESIGNS.values() for choices in design.choices for choice in choices),
)

Alpha = NDArray[np.uint8]


@dataclass(frozen=True)
class Model:
    """What solids are made from.

    Attributes:
        name: What it is called, in small letters.
        source: ``emoji``, ``icons`` or ``primitives``.
        key: Hexcode; font and name; or the design's choices, separated by commas.
    """

    name: str
    source: str
    key: str

    @property
    def id(self) -> str:
        """Different for different models."""
        return f"{self.source}/{self.name}/{self.key}"

    def alpha(self) -> Alpha:
        """The drawing's opacity, of an emoji or an icon."""
        if self.source == "emoji":
            return emoji_HW4(self.key, GRID)[..., 3]
        font, name = self.key.split("/")
        return icon_mask_HW(font, name, GRID)


@dataclass(frozen=True)
class Split:
    """Name -> its models, of each split; names and models in order.

    Attributes:
        train: To learn from.
        test: Other models of names that are in train.
        test_names: All models of names that are not.
    """

    train: Mapping[str, Sequence[Model]]
    test: Mapping[str, Sequence[Model]]
    test_names: Mapping[str, Sequence[Model]]


@lru_cache(maxsize=1)
def all_models() -> tuple[Model, ...]:
    """Every model, without drawings that look like an earlier one; by source and key.

    Raises:
        InputError: if a distribution that they come from is not installed.
    """
    designs = [
        Model(name, "primitives", ", ".join(variant))
        for name in sorted(DESIGNS)
        for variant in DESIGNS[name].variants
    ]
    # What captions say of forms and colours could not be held out.
    drawn = [one for one in (*_emoji(), *_icons()) if not any(says(text, one.name) for text in WORDS)]
    return (*designs, *_different(drawn))


@lru_cache(maxsize=4)
def split_models(seed: int) -> Split:
    """Who is in which split: the same for all kinds of shapes, so that corpora of some can be mixed."""
    by_name: dict[str, list[Model]] = {}
    for model in all_models():
        by_name.setdefault(model.name, []).append(model)
    names = _held_out_names(by_name, seed)
    train, test = {}, {}
    for name in sorted(by_name.keys() - names):
        order = hash_order([model.id for model in by_name[name]], seed)
        count = max(1, round(OTHER_SHAPES * len(order))) if len(order) > 1 else 0
        held = set(order[:count])
        train[name] = [model for model in by_name[name] if model.id not in held]
        if held:
            test[name] = [model for model in by_name[name] if model.id in held]
    return Split(train, test, {name: by_name[name] for name in sorted(names)})


def says(text: str, name: str) -> bool:
    """Whether a text has the words of a name in a row."""
    return f" {name} " in f" {_plain(text)} "


def _plain(text: str) -> str:
    return " ".join("".join(letter if letter.isalnum() else " " for letter in text.lower()).split())


def _held_out_names(by_name: Mapping[str, Sequence[Model]], seed: int) -> set[str]:
    """Names that no text of train may have in it.

    What the corpora of emoji and icons hold out is held out here, so that a teacher that learned from
    them has not seen it; of the other names a share is. Names that have a held-out name in them follow it.
    """
    bases = held_out_bases(seed)
    built = [name for name in by_name if all(one.source == "primitives" for one in by_name[name])]
    held = {_plain(emoji.name) for emoji in base_emoji() if emoji.hexcode in bases}
    held |= {_plain(concept) for concept in held_out_concepts(seed)}
    held |= set(hash_order(built, seed)[: round(HELD_OUT * len(built))])
    held &= by_name.keys()
    return {name for name in by_name if any(says(name, one) for one in held)}


def _emoji() -> list[Model]:
    return [
        Model(_plain(emoji.name), "emoji", emoji.hexcode)
        for emoji in base_emoji()
        if emoji.category in CATEGORIES
    ]


def _icons() -> list[Model]:
    """Of concepts that two hands have drawn at least, without those of brands."""
    brands = {icon.concept for icon in all_icons(BRANDS)}
    hands: dict[str, list[Icon]] = {}
    for font, styles in FILLED.items():
        for icon in all_icons(font):
            if not icon.modifiers and icon.styles == styles and icon.concept not in brands:
                hands.setdefault(icon.concept, []).append(icon)
    return [
        Model(_plain(icon.concept), "icons", f"{icon.font}/{icon.name}")
        for concept in sorted(hands)
        for icon in hands[concept]
        if len({one.font for one in hands[concept]}) > 1
    ]


def _different(models: Sequence[Model]) -> list[Model]:
    """Those whose silhouette is neither nothing, nor a full square, nor like that of an earlier one."""
    rough_NP = np.stack([_rough(model.alpha()) for model in models])
    sizes_N = rough_NP.sum(axis=1)
    shared_NN = rough_NP @ rough_NP.T
    alike_NN = shared_NN > ALIKE * (sizes_N[:, None] + sizes_N - shared_NN)
    cover_N = sizes_N / rough_NP.shape[1]
    kept: list[int] = []
    for number in np.flatnonzero((cover_N > LEAST) & (cover_N < MOST)):
        if not alike_NN[number, kept].any():
            kept.append(int(number))
    return [models[number] for number in kept]


def _rough(alpha: Alpha) -> NDArray[np.float32]:
    """A silhouette as large as its square allows, of 32 x 32 pixels in one row."""
    inside = alpha > 127
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        return np.zeros(32 * 32, np.float32)
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    steps = (np.arange(32) + 0.5) * side / 32
    found = []
    for ends, size in ((rows, inside.shape[0]), (columns, inside.shape[1])):
        start = (ends[0] + ends[-1] + 1 - side) / 2
        found.append(np.clip((start + steps).astype(int), 0, size - 1))
    return inside[np.ix_(*found)].astype(np.float32).ravel()
