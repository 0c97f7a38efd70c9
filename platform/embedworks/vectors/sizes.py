"""Which stored size answers for the layers and dimensions that are asked for."""

from __future__ import annotations

from embedworks.errors import InputError
from embedworks.vectors.records import Size, VersionRecord


def choose_size(record: VersionRecord, layers: int | None = None, dimensions: int | None = None) -> Size:
    """A stored size, or the first dimensions of the narrowest one that has enough.

    Args:
        record: The version.
        layers: As many as were read; None for the deepest.
        dimensions: At most a stored size's; None for all that there are.

    Raises:
        InputError: for layers that were not embedded, or more dimensions than were, naming those there are.
    """
    depth = record.full.layers if layers is None else layers
    stored = sorted((size for size in record.sizes if size.layers == depth), key=lambda one: one.dimensions)
    wide = [size for size in stored if dimensions is None or size.dimensions >= dimensions]
    if not wide or (dimensions is not None and dimensions < 1):
        asked = f"layers={depth}" + (f", dimensions={dimensions}" if stored else "")
        there = ", ".join(str(size) for size in record.sizes)
        raise InputError(
            f"{asked} is no size of this index",
            expected=f"layers x dimensions of {there}, or the first dimensions of one of these",
        )
    chosen = wide[-1] if dimensions is None else wide[0]
    return chosen.model_copy(update={"dimensions": dimensions or chosen.dimensions})
