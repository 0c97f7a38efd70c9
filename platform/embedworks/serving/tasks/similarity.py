"""``POST /v1/similarity``: how similar texts or images are, all with all or in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np
import orjson
from msgspec import Meta

from embedworks.errors import InputError
from embedworks.task import Answer, EmbeddingRequest, Input, Sized, Task, Usage


class SimilarityRequest(Sized, frozen=True, kw_only=True):
    """Two lists. Without ``right``, the left one is compared with itself."""

    left: Input
    right: Input | None = None
    pairwise: Annotated[bool, Meta(description="the i-th of left with the i-th of right alone")] = False


class Similarities(msgspec.Struct, frozen=True, kw_only=True):
    """``scores[i][j]`` of left i and right j; in pairs, ``scores[i]``."""

    object: Literal["similarity"]
    model: str
    similarity: Literal["cosine", "dot"]
    scores: list[list[float] | float]
    usage: Usage


def ask(request: SimilarityRequest) -> tuple[EmbeddingRequest, ...]:
    """Both lists, or the left one."""
    size = request.size()
    asked = [EmbeddingRequest(input=request.left, **size)]
    if request.right is not None:
        asked.append(EmbeddingRequest(input=request.right, **size))
    if request.pairwise:
        sizes = {len(one.inputs()) for one in asked}
        if len(asked) != 2 or len(sizes) != 1:
            raise InputError("pairs need as many inputs on the right as on the left", where="right")
    return tuple(asked)


def answer(request: SimilarityRequest, answers: Sequence[Answer]) -> bytes:
    """The scores."""
    left, right = answers[0], answers[-1]
    if request.pairwise:
        scores = np.einsum("nd,nd->n", left.comparable(), right.comparable())
    else:
        scores = left.scores(right)
    usage = Usage.of(answers)
    body = {
        "object": "similarity",
        "model": request.model,
        "similarity": left.similarity,
        "scores": np.ascontiguousarray(scores),
        "usage": {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.total_tokens},
    }
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


TASK = Task(
    name="similarity",
    request=SimilarityRequest,
    response=Similarities,
    ask=ask,
    answer=answer,
    summary="Similarities of texts or images, all with all or in pairs",
    example={"model": "minilm", "left": ["the cat", "a dog"], "right": ["a kitten", "a fish"]},
)
