"""An embedder as a teacher: what finds hard negatives before training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embedworks.folder import load_embedder, resolve_model
from embedworks.inference.engine import Engine, Vectors


def unit_encoder(source: str, length: int) -> Callable[[Sequence[str]], Vectors]:
    """Texts to ``(N, D)`` unit vectors of a model, of texts as long as its student reads them.

    Args:
        source: A folder, a hub id or an installed model.
        length: Tokens, of the teacher's own; less where it reads less.

    Raises:
        InputError: for a model that cannot be opened.
    """
    embedder = load_embedder(resolve_model(source))
    limit = min(length, embedder.settings.max_length)
    embedder.settings = embedder.settings.model_copy(update={"max_length": limit, "normalize": True})
    return Engine(embedder).encode
