"""What a user may set of the scenes."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from embedworks.corpora.recipe import WorldOptions
from embedworks.corpora.worlds._scenes.vocabulary import CATEGORIES

MARK_SCALE = 0.19  # of the picture's side


class SceneOptions(WorldOptions):
    """What a user may set of the scenes."""

    size: int = Field(default=64, ge=24, le=512, description="pixels of a picture's side")
    min_objects: int = Field(default=2, ge=1, le=9, description="fewest objects of a scene")
    max_objects: int = Field(default=4, ge=1, le=9, description="most objects of a scene")
    kinds: Literal["emoji", "icon", "both"] = Field(
        default="emoji", description="what objects are drawn as"
    )
    concepts: int = Field(default=200, ge=0, description="how many different names there are; 0: all")
    categories: tuple[str, ...] = Field(
        default=(), description=f"take names from these alone: {', '.join(CATEGORIES)}; all if empty"
    )
    colours: bool = Field(default=True, description="tint objects in one of eight named colours")
    patterns: bool = Field(
        default=False, description="make half of the objects striped, dotted or checkered"
    )
    states: bool = Field(
        default=False, description="make half of the objects upside-down, tilted, outlined or broken"
    )
    background: Literal["plain", "textured", "clutter", "any"] = Field(
        default="plain", description="what is behind the objects"
    )
    min_scale: float = Field(
        default=0.25, gt=0, le=1, description="of the picture's side: smallest objects"
    )
    max_scale: float = Field(default=0.5, gt=0, le=1, description="of the picture's side: largest objects")
    focus: bool = Field(default=False, description="one object is large and all others are small")
    repeats: float = Field(default=0.15, ge=0, le=1, description="chance that an object repeats a name")
    mention: float = Field(
        default=1.0, ge=0, le=1, description="chance that a caption mentions an attribute it could mention"
    )
    theme: Literal["none", "category", "topic", "planted"] = Field(
        default="none",
        description="draw a scene's names from one category, one topic, or one of 25 overlapping mixtures",
    )
    tail: bool = Field(default=False, description="names are drawn with frequencies 1, 1/2, 1/3, ...")
    marks: int = Field(default=0, ge=0, le=40, description="kinds of a small mark, the class; 0: no mark")
    edits: bool = Field(default=False, description="also draw the scene with one object changed")
    hold_out: Literal["none", "objects", "pairs"] = Field(
        default="pairs", description="what test scenes have that train scenes have not"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.min_objects > self.max_objects:
            raise ValueError(f"min_objects {self.min_objects} is more than max_objects {self.max_objects}")
        if self.min_scale > self.max_scale:
            raise ValueError(f"min_scale {self.min_scale} is more than max_scale {self.max_scale}")
        room = 1 / math.ceil(math.sqrt(self.max_objects))  # a cell of a grid, the last resort
        if self.min_scale > room:
            raise ValueError(f"{self.max_objects} objects need a min_scale of {room:.2f} or less")
        if unknown := set(self.categories) - set(CATEGORIES):
            raise ValueError(f"no category {min(unknown)!r}; expected some of {', '.join(CATEGORIES)}")
        return self
