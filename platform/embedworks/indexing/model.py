"""A model as a worker runs it: values are read in one thread while vectors are computed in another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from embedworks.dual import DualEmbedder
from embedworks.embedder import Embedder
from embedworks.indexing.reading import Reading
from embedworks.inference.engine import Engine, Vectors
from embedworks.inference.images import ImageEngine
from embedworks.inference.tokens import TokenIds
from embedworks.nn.precision import Precision
from embedworks.transforms.templates import average, templates_of

# Shape legend: N rows, d dimensions of a size.


class RowModel(Protocol):
    """What makes vectors of a column's values."""

    def prepare(self, values: Sequence[Any]) -> Any:
        """Values to what is computed with; one thread at a time, beside another that computes."""
        ...

    def cost(self, prepared: Any) -> int:
        """Tokens (pictures count as one) of what was prepared."""
        ...

    def vectors(self, prepared: Any) -> list[Vectors]:
        """``(N, d)`` for each size, in the order of the reading's."""
        ...


def open_model(reading: Reading, find: Callable[[str], Path] | None = None) -> RowModel:
    """Load the model of a reading; ``find`` gets its folder where this node does not have it.

    Raises:
        InputError: for a folder that cannot be read, or a backend or precision that is not possible.
    """
    folder = reading.folder if reading.folder.is_dir() or find is None else find(reading.source)
    return ImageModel(reading, folder) if reading.images else TextModel(reading, folder)


class TextModel:
    """Texts: tokenised, then read at every depth; sizes of one depth are cut from one vector."""

    def __init__(self, reading: Reading, folder: Path) -> None:
        self.engine = Engine(Embedder.load(folder), reading.precision, backend=reading.backend)
        self.sizes, self.prompt = reading.sizes, reading.prompt

    def prepare(self, values: Sequence[Any]) -> TokenIds:
        """Token ids."""
        return self.engine.tokens.cut(values, self.prompt)

    def cost(self, prepared: TokenIds) -> int:
        """Tokens."""
        return sum(map(len, prepared))

    def vectors(self, prepared: TokenIds) -> list[Vectors]:
        """``(N, d)`` for each size."""
        templates = len(templates_of(self.prompt))
        found = self.engine.pooled_at(prepared, {layers for layers, _ in self.sizes})
        pooled = {depth: average(vectors_MD, templates) for depth, vectors_MD in found.items()}
        return [self.engine.finish(pooled[layers], dimensions) for layers, dimensions in self.sizes]


class ImageModel:
    """Pictures: decoded, then through the image tower."""

    def __init__(self, reading: Reading, folder: Path) -> None:
        self.engine = ImageEngine(DualEmbedder.load(folder), cast(Precision, reading.precision))
        self.sizes = reading.sizes

    def prepare(self, values: Sequence[Any]) -> list[Any]:
        """Pixels."""
        return [self.engine.reader.read(data, f"image {i}") for i, data in enumerate(values)]

    def cost(self, prepared: list[Any]) -> int:
        """Pictures."""
        return len(prepared)

    def vectors(self, prepared: list[Any]) -> list[Vectors]:
        """``(N, d)`` for each size."""
        full_ND = self.engine.vectors(prepared)
        return [np.asarray(self.engine.finish(full_ND, dimensions)) for _, dimensions in self.sizes]
