"""The space of an embedder of texts and images, as tasks of pictures ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embedworks.dual import DualEmbedder
from embedworks.embedder import Pair
from embedworks.errors import InputError
from embedworks.evaluation.image_tasks import ImageTask, Outcome, Vectors, normalised
from embedworks.folder import has_image_tower
from embedworks.inference.engine import Engine
from embedworks.inference.images import ImageEngine
from embedworks.nn.precision import Precision


class DualSpace:
    """Vectors of texts and images, each computed once, at any number of dimensions.

    Args:
        dual: The embedder.
        precision: Of the inference engines.
    """

    def __init__(self, dual: DualEmbedder, precision: Precision) -> None:
        self._texts = Engine(dual.text, precision)
        self._images = ImageEngine(dual, precision)
        self._known: dict[str | bytes, Vectors] = {}
        self.dimensions = dual.dimensions

    def texts(self, texts: Sequence[str]) -> Vectors:
        """``(N, d)`` unit vectors."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known |= dict(zip(new, self._texts.encode(new), strict=True))
        return self._cut([self._known[text] for text in texts])

    def images(self, images: Sequence[bytes]) -> Vectors:
        """``(N, d)`` unit vectors of picture files."""
        new = [data for data in dict.fromkeys(images) if data not in self._known]
        self._known |= dict(zip(new, self._images.encode(new), strict=True))
        return self._cut([self._known[data] for data in images])

    def _cut(self, vectors: list[Vectors]) -> Vectors:
        # Slicing a unit vector and making it one again is slicing before normalising.
        return normalised(np.stack(vectors)[:, : self.dimensions])


def score_pictures(task: ImageTask, space: DualSpace, dimensions: int) -> Outcome:
    """Score a space at some of its dimensions."""
    space.dimensions = dimensions
    return task.score(space)


def open_space(folder: Path, pairs: Sequence[Pair], task: str, precision: Precision) -> DualSpace:
    """The space of a folder.

    Raises:
        InputError: for an embedder of texts alone, or a pair that leaves layers out.
    """
    if not has_image_tower(folder):
        raise InputError(
            f"task {task!r} has pictures, and {folder} embeds texts alone",
            expected="an embedder with an image tower",
        )
    dual = DualEmbedder.load(folder)
    for layers, _ in pairs:
        if layers != dual.text.num_layers:
            what = f"task {task!r} cannot read {layers} layers: pictures have a tower of their own"
            raise InputError(what, expected=f"pairs with all {dual.text.num_layers} layers")
    return DualSpace(dual, precision)
