"""A world small enough to be built in a test."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pydantic import Field

from embedworks.corpora.recipe import Row, WorldOptions, row_rng

NAME = "toy"
DESCRIPTION = "Numbers."
LICENCE = "CC0-1.0"
SPLIT_RULE = "by the draw"
SCHEMA = pa.schema([("id", pa.string()), ("number", pa.int64())])
COLUMNS = {"id": "split and number", "number": "what was drawn"}
SERVES = ("none",)
drawn: list[tuple[str, int]] = []  # in this process


class Options(WorldOptions):
    """What a test sets."""

    train: int = Field(default=5000, ge=1, description="rows")
    test: int = Field(default=100, ge=0, description="rows")
    bits: int = Field(default=16, ge=1, le=32, description="of a number")


def source(options: Options) -> str:
    """Nothing."""
    return "numpy"


class World:
    """Draws numbers."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def row(self, split: str, index: int) -> Row:
        """A number."""
        drawn.append((split, index))
        number: Any = row_rng(self.options.seed, NAME, split, index).integers(2**self.options.bits)
        return {"id": f"{split}-{index:06d}", "number": int(number)}
