"""Which layers and dimensions a request reads, and whether the model was trained at that size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedworks.embedder import Pair


@dataclass(frozen=True)
class Size:
    """The size one request reads a model at."""

    layers: int
    dimensions: int
    trained: bool

    def flag(self) -> dict[str, int | bool]:
        """What an answer says about itself."""
        return {"layers": self.layers, "dimensions": self.dimensions, "trained": self.trained}


def choose_size(layers: int | None, dimensions: int | None, pairs: Sequence[Pair], full: Pair) -> Size:
    """Fill in what a request leaves open.

    Dimensions alone read the smallest trained pair at least that wide (starbucks); layers alone read
    the widest pair trained at that depth; neither reads the full model. Sizes that were not trained
    are answered too, with ``trained`` false. A model without pairs is trained at its full size only.

    Args:
        layers: Asked for, 1 to L, or None.
        dimensions: Asked for, 1 to D, or None.
        pairs: The trained (layers, dimensions).
        full: (L, D).
    """
    trained = tuple(pairs) or (full,)
    if layers is None and dimensions is not None:
        wide = [(d, n) for n, d in trained if d >= dimensions]
        layers = min(wide)[1] if wide else full[0]
    elif layers is not None and dimensions is None:
        dimensions = max((d for n, d in trained if n == layers), default=full[1])
    size = (layers or full[0], dimensions or full[1])
    return Size(*size, trained=size in trained)
