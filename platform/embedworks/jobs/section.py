"""What all blocks of a job file have in common."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Pair = tuple[Count, Count]
Precision = Literal["bf16", "fp32"]


class Section(BaseModel):
    """A block of a job file."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)
