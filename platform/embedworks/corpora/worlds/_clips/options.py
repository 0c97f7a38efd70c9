"""What a user may set of the clips."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from embedworks.corpora.recipe import WorldOptions
from embedworks.corpora.worlds._clips.motions import MOTIONS
from embedworks.corpora.worlds._clips.vocabulary import FAMILIES
from embedworks.errors import nearest

SPLITS = ("train", "test", "unseen")


class ClipOptions(WorldOptions):
    """What a user may set of the clips."""

    train: int = Field(default=5_000, ge=1, description="clips to learn from")
    test: int = Field(
        default=1_000, ge=0, description="clips of known classes, by things that do not move so in train"
    )
    unseen: int = Field(default=1_000, ge=0, description="clips of classes that are left out of train")
    frames: int = Field(default=8, ge=4, le=64, description="pictures of a clip")
    size: int = Field(default=48, ge=32, le=256, description="pixels of a picture's side")
    motions: tuple[str, ...] = Field(
        default=tuple(MOTIONS)[:10], min_length=1, description=f"of {', '.join(MOTIONS)}"
    )
    families: tuple[str, ...] = Field(
        default=tuple(FAMILIES)[:8], min_length=1, description=f"of {', '.join(FAMILIES)}"
    )
    min_objects: int = Field(default=1, ge=1, le=3, description="fewest things in a clip")
    max_objects: int = Field(default=2, ge=1, le=3, description="most things in a clip")
    others: Literal["still", "moving"] = Field(
        default="still", description="what all things but the first do; the class is that of the first"
    )
    still: float = Field(
        default=0.0, ge=0, le=1, description="share of train rows that are one picture without a motion"
    )
    hold_out: float = Field(
        default=0.2,
        ge=0,
        le=0.8,
        description="share of the combinations of motion and family that are left out of train",
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        for option, given, known in (
            ("motions", self.motions, MOTIONS),
            ("families", self.families, FAMILIES),
        ):
            for name in given:
                if name not in known:
                    hint = nearest(name, known)
                    raise ValueError(
                        f"unknown name {name!r} in {option}" + (f"; did you mean {hint!r}?" if hint else "")
                    )
            if len(set(given)) < len(given):
                raise ValueError(f"{option} names one twice")
        if self.min_objects > self.max_objects:
            raise ValueError(f"min_objects {self.min_objects} is more than max_objects {self.max_objects}")
        return self

    @property
    def rows(self) -> dict[str, int]:
        """Split -> rows; without ``unseen`` where nothing is left out."""
        wanted = [split for split in SPLITS if split != "unseen" or self.hold_out > 0]
        return {split: getattr(self, split) for split in wanted if getattr(self, split)}
