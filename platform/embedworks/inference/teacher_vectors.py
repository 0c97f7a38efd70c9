"""Vectors of another embedder, for systems that find examples by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embedworks.folder import load_embedder, resolve_model
from embedworks.inference.engine import Engine, Vectors


def teacher_vectors(source: str, length: int) -> Callable[[Sequence[str]], Vectors]:
    """A function from texts to the teacher's unit vectors, of texts as long as the student reads them.

    Args:
        source: A folder or hub id.
        length: Tokens, at most.

    Raises:
        InputError: where there is no such model.
    """
    embedder = load_embedder(resolve_model(source))
    limit = min(length, embedder.settings.max_length)
    embedder.settings = embedder.settings.model_copy(update={"max_length": limit, "normalize": True})
    return Engine(embedder).encode
