"""What ``/v1/models`` and ``/healthz`` answer, for the reference."""

from __future__ import annotations

from typing import Literal

import msgspec


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
