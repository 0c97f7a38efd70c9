"""What a configuration says of an index."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from embedworks.inference.backends.protocol import ServingPrecision
from embedworks.serving.replicas import Number, Replicas


class ServedIndex(BaseModel):
    """One index of an endpoint.

    ``path`` is a folder of ``embedworks embed``. Its replicas hold the vectors and the very model that made
    them, and go over to another version when the folder does.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[^/]+$", description="what requests say in `index`; no slashes")
    path: str = Field(min_length=1, description="folder of the index")
    replicas: Number = Field(default=Replicas(), description="N, or {min, max, target_requests}")
    num_cpus: float = Field(default=1, gt=0, description="CPUs, and torch threads, of a replica")
    num_gpus: float = Field(default=0, ge=0)
    precision: ServingPrecision = Field(default="auto", description="of the model, for queries")
    max_waiting: int = Field(default=4096, ge=1, description="queries in a replica's queue; more get 429")
    follow_s: float = Field(default=5, gt=0, description="between two looks for another version")
    sizes: Literal["trained", "any"] = Field(
        default="trained", description="any: also the first dimensions of a stored size"
    )


def label_of(index: str) -> str:
    """What metrics and ``serve status`` call an index's model: one of that name may be served as well."""
    return f"index {index}"
