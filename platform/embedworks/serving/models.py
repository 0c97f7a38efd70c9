"""What ``/v1/models`` and ``/healthz`` answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from embedworks.embedder import Embedder
from embedworks.serving.config import Served

NOT_IN_MEMORY: Mapping[str, Any] = {"backend": None, "precision": None, "cosine": None}


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """Cosines to float32 over the built-in probe."""

    mean: float
    least: float


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
    backend: Literal["torch", "packed", "compile", "onnx", "openvino"] | None  # None: not in memory now
    precision: Literal["fp32", "bf16", "fp16", "int8"] | None
    cosine: Likeness | None  # to float32, where it was measured
    version: str
    canary: str | None = None
    dimension_names: list[str] = []  # what each stands for; empty: nothing by itself


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
    indexes: list[str] | None = None


def describe_model(
    embedder: Embedder,
    served: Served,
    modalities: Sequence[str],
    running: Mapping[str, Any] = NOT_IN_MEMORY,
) -> dict[str, Any]:
    """A model's :class:`ModelCard` as JSON's values; ``running`` is what its engine says of itself."""
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
        **running,
        "version": served.version,
        "dimension_names": settings.dimension_names,
    }
    card = {"id": served.name, "object": "model", "created": served.created, "owned_by": "embedworks"}
    return {**card, "embedworks": about}
