"""``icons``: one concept in several hands: the glyphs of ten icon fonts, by what they show."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from embedworks.corpora.drawings.colours import COLOURS, GREYS
from embedworks.corpora.drawings.icons import FONTS, Icon, all_icons, held_out_concepts
from embedworks.corpora.drawings.png import encode_png
from embedworks.corpora.drawings.raster import icon_mask_HW, inked
from embedworks.corpora.recipe import RecipeOptions, Row, Rows, row_rng, versions
from embedworks.named import require_known

NAME = "icons"
DESCRIPTION = "Icons of ten fonts: the same concepts drawn by several hands, with what is added to each."
LICENCE = "fonts SIL OFL 1.1, Apache-2.0, MIT and CC-BY-4.0 by their makers; collected by qtawesome (MIT)"
SPLIT_RULE = "by concept: 15 % of the concepts are in test, with all their icons in all fonts"
SCHEMA = pa.schema(
    [
        ("image", pa.binary()),
        ("text", pa.string()),
        ("concept", pa.string()),
        ("modifiers", pa.list_(pa.string())),
        ("styles", pa.list_(pa.string())),
        ("colour", pa.string()),
        ("background", pa.string()),
        ("font", pa.string()),
        ("name", pa.string()),
        ("id", pa.string()),
    ]
)
COLUMNS = {
    "image": "PNG, RGB, `size` pixels a side",
    "text": "what is shown, in words: `account with plus, outline`, and the colour where there are colours",
    "concept": "what the icon shows at heart: `account`, `arrow-left`",
    "modifiers": "what is added to the concept, in order: `plus`, `off`, `arrow-down`",
    "styles": "how it is drawn: `outline`, `fill`, `bold`",
    "colour": "name of the ink's colour",
    "background": "name of the paper's colour",
    "font": "whose hand",
    "name": "the icon's name in its font",
    "id": "font and name",
}
SERVES = ("look", "mofi", "diffusion-features", "s3a", "pela", "sphinx", "selfie", "cones")


class Options(RecipeOptions):
    """What a user may set."""

    size: int = Field(default=64, ge=8, le=1024, description="pixels of a picture's side")
    fonts: tuple[str, ...] = Field(default=tuple(FONTS), min_length=1, description="which fonts")
    colours: bool = Field(default=False, description="draw each in a colour on white, not black on white")

    @field_validator("fonts")
    @classmethod
    def _known(cls, fonts: tuple[str, ...]) -> tuple[str, ...]:
        for font in fonts:
            require_known("icon font", font, FONTS)
        return tuple(dict.fromkeys(fonts))


def source(options: Options) -> str:
    """Where the fonts come from."""
    return f"{versions('qtawesome')}: {', '.join(options.fonts)}"


def rows(options: Options) -> Rows:
    """Both splits, by font and name."""
    icons = [icon for font in options.fonts for icon in all_icons(font)]
    held = held_out_concepts(options.seed)
    return {
        "train": _rows([icon for icon in icons if icon.concept not in held], options),
        "test": _rows([icon for icon in icons if icon.concept in held], options),
    }


def text_of(icon: Icon, colour: str = "black") -> str:
    """What the icon shows, in words."""
    words = icon.concept.replace("-", " ")
    if colour != "black":
        words = f"{colour} {words}"
    if icon.modifiers:
        words += " with " + " and ".join(one.replace("-", " ") for one in icon.modifiers)
    return ", ".join([words, *icon.styles])


def _rows(icons: list[Icon], options: Options) -> Iterator[Row]:
    for icon in icons:
        colour = _colour(icon, options)
        mask_HW = icon_mask_HW(icon.font, icon.name, options.size)
        yield {
            "image": encode_png(inked(mask_HW, {**COLOURS, **GREYS}[colour])),
            "text": text_of(icon, colour),
            "concept": icon.concept,
            "modifiers": list(icon.modifiers),
            "styles": list(icon.styles),
            "colour": colour,
            "background": "white",
            "font": icon.font,
            "name": icon.name,
            "id": f"{icon.font}-{icon.name}",
        }


def _colour(icon: Icon, options: Options) -> str:
    """By the icon alone, so that it is the same whichever fonts are chosen."""
    if not options.colours:
        return "black"
    rng: np.random.Generator = row_rng(options.seed, f"{NAME}/{icon.font}/{icon.name}", "colour", 0)
    return str(rng.choice(list(COLOURS)))
