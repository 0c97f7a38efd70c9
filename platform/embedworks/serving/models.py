"""What ``/v1/models`` and ``/healthz`` answer, for the reference."""

from __future__ import annotations

from typing import Literal

import msgspec


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
    backend: Literal["torch", "packed", "compile", "onnx", "openvino"]
    precision: Literal["fp32", "bf16", "fp16", "int8"]
    cosine: Likeness | None  # to float32, where it was measured


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
