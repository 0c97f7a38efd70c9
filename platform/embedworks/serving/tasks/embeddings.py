"""``POST /v1/embeddings``: OpenAI's, with layers, prompts, images and smaller numbers beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from embedworks.serving.encodings import render_answer
from embedworks.task import Answer, EmbeddingRequest, Task, Usage


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """One vector: numbers, or base64 of their little-endian bytes."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class About(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the model was read, what int8 numbers reach to, and the model's version."""

    layers: int | None = None
    dimensions: int | None = None
    trained: bool | None = None
    dtype: str | None = None
    range: float | None = None
    version: str | None = None


class EmbeddingList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The vectors of a request, in the order of its inputs."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage
    embedworks: About | None = None


def ask(request: EmbeddingRequest) -> tuple[EmbeddingRequest]:
    """The request as it is."""
    return (request,)


def answer(request: EmbeddingRequest, answers: Sequence[Answer]) -> bytes:
    """The vectors in the encoding asked for."""
    return render_answer(answers[0], request.model, request.encoding_format, request.dtype)


TASK = Task(
    name="embeddings",
    request=EmbeddingRequest,
    response=EmbeddingList,
    ask=ask,
    answer=answer,
    summary="Vectors of texts, token ids, images",
    example={"model": "minilm", "input": ["What does yield do?", "How to sort a list"]},
)
