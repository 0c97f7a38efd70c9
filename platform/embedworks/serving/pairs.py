"""Which layers and dimensions a request reads, and whether the model was trained at that size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embedworks.embedder import Pair
from embedworks.serving.refusals import ApiError


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

    Dimensions alone read the narrowest trained width that is enough, at the greatest depth trained for
    it; layers alone read the widest pair trained at that depth; neither reads the full model.
    ``trained`` is false for a size that was not trained. A model without pairs is trained at its full size
    only.

    Args:
        layers: Asked for, 1 to L, or None.
        dimensions: Asked for, 1 to D, or None.
        pairs: The trained (layers, dimensions).
        full: (L, D).
    """
    trained = tuple(pairs) or (full,)
    if layers is None and dimensions is not None:
        wide = [(d, -n) for n, d in trained if d >= dimensions]
        layers = -min(wide)[1] if wide else full[0]
    elif layers is not None and dimensions is None:
        dimensions = max((d for n, d in trained if n == layers), default=full[1])
    size = (layers or full[0], dimensions or full[1])
    return Size(*size, trained=size in trained)


def refuse_untrained(
    size: Size, asked: tuple[int | None, int | None], pairs: Sequence[Pair], full: Pair
) -> None:
    """Refuse a size that the model was not trained for; the full size, which is the default, never is.

    Args:
        size: What :func:`choose_size` chose.
        asked: (layers, dimensions) as the request has them.
        pairs: The trained (layers, dimensions).
        full: (L, D).

    Raises:
        ApiError: 400, naming the sizes that were trained.
    """
    if size.trained or (size.layers, size.dimensions) == full:
        return
    layers, dimensions = asked
    trained = sorted({*pairs, full})
    if layers is not None and dimensions is not None:
        known = ", ".join(f"({n}, {d})" for n, d in trained)
        message = f"the model was not trained to be read at (layers, dimensions) ({layers}, {dimensions})"
        raise ApiError(400, f"{message}; expected one of {known}", param="layers", code="untrained_size")
    param, value, place = ("layers", layers, 0) if dimensions is None else ("dimensions", dimensions, 1)
    numbers = ", ".join(map(str, sorted({pair[place] for pair in trained})))
    message = f"the model was not trained to be read at {param}={value}; expected one of {numbers}"
    raise ApiError(400, message, param=param, code="untrained_size")
