"""``POST /v1/tasks/score``: how well texts of two kinds match, and by which shared concepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta

from embedworks.concepts.contributions import contributions
from embedworks.concepts.names import TextInput, Texts, Top, names_of
from embedworks.errors import InputError
from embedworks.task import Answer, EmbeddingRequest, Sized, Task, Usage

# Shape legend: N texts b, K concepts.


class ScoreRequest(Sized, frozen=True, kw_only=True):
    """A text and one or several that it may match, of the two kinds that the model was trained on."""

    a: Annotated[TextInput, Meta(description="as queries were in training: a job")]
    b: Annotated[Texts, Meta(description="as documents were in training: a profile, or profiles")]
    top: Top = 5


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """What a concept adds to the similarity, and how present it is in both texts."""

    concept: str
    a: float
    b: float
    contribution: float


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """How well b matches: ``score`` is a probability, ``similarity`` the sum of all contributions."""

    object: Literal["score"] = "score"
    index: int
    score: float
    similarity: float
    explanation: list[Contribution]


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """One for each b, in their order."""

    object: Literal["list"] = "list"
    model: str
    data: list[Explained]
    usage: Usage


def ask(request: ScoreRequest) -> tuple[EmbeddingRequest, EmbeddingRequest]:
    """Both kinds of texts, each with its prompt."""
    b: Any = request.b
    return (
        EmbeddingRequest(input=request.a, input_type="query", **request.size()),
        EmbeddingRequest(input=b, input_type="document", **request.size()),
    )


def answer(request: ScoreRequest, answers: Sequence[Answer]) -> Scores:
    """Score and explain every b.

    Raises:
        InputError: for a model without concepts, or without a scale of scores.
    """
    a, b = answers
    names = names_of(a, request.model)
    if a.calibration is None:
        raise InputError(f"the model {request.model!r} was not trained to score pairs", where="model")
    slope, offset = a.calibration
    parts_NK = contributions(np.broadcast_to(a.vectors, b.vectors.shape), b.vectors, a.similarity)
    similar_N = parts_NK.sum(axis=1)
    scores_N = 1 / (1 + np.exp(-(slope * similar_N + offset)))
    data = [
        Explained(
            index=index,
            score=float(scores_N[index]),
            similarity=float(similar_N[index]),
            explanation=_explanation(names, a.vectors[0], b.vectors[index], parts_K, request.top),
        )
        for index, parts_K in enumerate(parts_NK)
    ]
    return Scores(model=request.model, data=data, usage=Usage.of(answers))


def _explanation(
    names: Sequence[str], a_K: np.ndarray, b_K: np.ndarray, parts_K: np.ndarray, top: int
) -> list[Contribution]:
    """The concepts that add most; those that add nothing are left out."""
    order = np.argsort(-parts_K, kind="stable")[:top]
    return [
        Contribution(concept=names[k], a=float(a_K[k]), b=float(b_K[k]), contribution=float(parts_K[k]))
        for k in order
        if parts_K[k] > 0
    ]


SCORE = Task(
    name="score",
    request=ScoreRequest,
    response=Scores,
    ask=ask,
    answer=answer,
    summary="How well texts match, and by which shared concepts",
    example={"model": "concepts", "a": "dog face, pet", "b": ["Hund", "Flugzeug"], "top": 3},
)
