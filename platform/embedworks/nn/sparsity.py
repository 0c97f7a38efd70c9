"""Sparse vectors: few coordinates stay, the others become 0."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

# Shape legend: B texts, K coordinates.


class Sparsity(BaseModel):
    """Which coordinates of a vector stay. Stored in ``embedworks.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(default=0.0, ge=0, description="what is below it becomes 0")
    top: int | None = Field(default=None, ge=1, description="only so many stay, the largest; null: all")


def sparsify(vectors_BK: Tensor, sparsity: Sparsity) -> Tensor:
    """The vectors with their small coordinates at 0; the largest one stays whatever it is.

    Of equal coordinates at the limit of ``top``, those with the smaller numbers stay.

    Example:
        >>> import torch
        >>> sparsify(torch.tensor([[0.9, 0.3, 0.5, 0.01]]), Sparsity(threshold=0.1, top=2)).tolist()
        [[0.8999999761581421, 0.0, 0.5, 0.0]]
    """
    order_BK = vectors_BK.argsort(dim=1, descending=True, stable=True)
    rank_BK = order_BK.argsort(dim=1)
    stays_BK = vectors_BK >= sparsity.threshold
    if sparsity.top is not None:
        stays_BK &= rank_BK < sparsity.top
    return vectors_BK * (stays_BK | (rank_BK == 0))
