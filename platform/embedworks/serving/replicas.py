"""How many replicas something that is served has, as a configuration says it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Replicas(BaseModel):
    """How many replicas a model has; the number follows the traffic where ``max`` is above ``min``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: int = Field(default=1, ge=0, description="always ready; 0 lets the last one go when idle")
    max: int = Field(default=1, ge=1)
    target_requests: float = Field(default=16, gt=0, description="requests a replica should have in hand")
    idle_s: float = Field(default=300, gt=0, description="without a request, before the last one goes")

    @model_validator(mode="after")
    def _ordered(self) -> Replicas:
        if self.max < self.min:
            raise ValueError(f"max={self.max} is below min={self.min}")
        return self


def _as_range(value: object) -> object:
    return {"min": value, "max": value} if isinstance(value, int) else value


Number = Annotated[Replicas, BeforeValidator(_as_range)]  # N is {min: N, max: N}
