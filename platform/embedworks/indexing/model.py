"""A model as a worker runs it: values are read in one thread while vectors are computed in another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from embedworks.dual import DualEmbedder
from embedworks.embedder import Embedder
from embedworks.indexing.reading import Reading
from embedworks.inference.engine import Engine, Vectors
from embedworks.inference.images import ImageEngine
from embedworks.inference.tokens import TokenIds
from embedworks.nn.precision import Precision
from embedworks.transforms.templates import average, templates_of

# Shape legend: N rows, M texts of them, D width, d dimensions of a size.


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
    """Texts: tokenised, then read at every depth; sizes of one depth are cut from one vector.

    A value of several texts has the mean of their vectors, taken before it is cut and normalised.
    """

    def __init__(self, reading: Reading, folder: Path) -> None:
        self.engine = Engine(Embedder.load(folder), reading.precision, backend=reading.backend)
        self.sizes, self.prompt = reading.sizes, reading.prompt

    def prepare(self, values: Sequence[Any]) -> PreparedTexts:
        """Token ids."""
        groups = [[value] if isinstance(value, str) else value for value in values]
        texts = [text for group in groups for text in group]
        return PreparedTexts(self.engine.tokens.cut(texts, self.prompt), [len(group) for group in groups])

    def cost(self, prepared: PreparedTexts) -> int:
        """Tokens."""
        return sum(map(len, prepared.ids))

    def vectors(self, prepared: PreparedTexts) -> list[Vectors]:
        """``(N, d)`` for each size."""
        templates = len(templates_of(self.prompt))
        found = self.engine.pooled_at(prepared.ids, {layers for layers, _ in self.sizes})
        means = {
            layers: group_means(average(vectors_MD, templates), prepared.sizes)
            for layers, vectors_MD in found.items()
        }
        return [self.engine.finish(means[layers], dimensions) for layers, dimensions in self.sizes]


class PreparedTexts(NamedTuple):
    """Token ids of all texts, value by value.

    Attributes:
        ids: Of M texts.
        sizes: How many of them each of N values has, 1 or more.
    """

    ids: TokenIds
    sizes: list[int]


def group_means(vectors_MD: Vectors, sizes: Sequence[int]) -> Vectors:
    """``(N, D)`` means of so many neighbouring rows each; the rows themselves where each is alone."""
    if len(sizes) == len(vectors_MD):
        return vectors_MD
    starts_N = np.cumsum([0, *sizes[:-1]])
    sums_ND = np.add.reduceat(vectors_MD.astype(np.float64), starts_N)
    return np.asarray(sums_ND / np.array(sizes)[:, None], np.float32)


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
