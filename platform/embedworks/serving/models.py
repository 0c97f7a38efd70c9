"""What ``/v1/models`` and ``/healthz`` answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from embedworks.embedder import Embedder
from embedworks.serving.config import Served


class AboutModel(msgspec.Struct, frozen=True, kw_only=True):
    """What a model can be asked for."""

    layers: int
    dimensions: int
    max_length: int
    pairs: list[tuple[int, int]]
    prompts: list[str]
    similarity: Literal["cosine", "dot"]
    modalities: list[Literal["text", "image"]]
    sizes: Literal["trained", "any"]
    truncate: bool
    version: str
    canary: str | None = None


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """A served model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    embedworks: AboutModel


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """What is served."""

    object: Literal["list"]
    data: list[ModelCard]


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every model answers; their names are listed where no key is asked for."""

    status: Literal["ok"]
    models: list[str] | None = None


def describe_model(embedder: Embedder, served: Served, modalities: Sequence[str]) -> dict[str, Any]:
    """A model's :class:`ModelCard` as JSON's values."""
    layers, dimensions = embedder.full_pair
    settings = embedder.settings
    about = {
        "layers": layers,
        "dimensions": dimensions,
        "max_length": settings.max_length,
        "pairs": settings.pairs,
        "prompts": sorted(settings.prompts),
        "similarity": settings.similarity,
        "modalities": list(modalities),
        "sizes": served.sizes,
        "truncate": served.truncate,
        "version": served.version,
    }
    card = {"id": served.name, "object": "model", "created": served.created, "owned_by": "embedworks"}
    return {**card, "embedworks": about}
