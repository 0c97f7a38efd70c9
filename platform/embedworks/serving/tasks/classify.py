"""``POST /v1/classify``: zero-shot, an input's label is the most similar of given texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from embedworks.errors import InputError
from embedworks.task import Answer, EmbeddingRequest, Input, Part, Sized, Task, Usage

Label = Annotated[str, Meta(min_length=1)]
SLOT = "{}"
MAX_SCORES = 100_000  # of an answer: more would hold up the door


class ClassifyRequest(Sized, frozen=True, kw_only=True):
    """Inputs and the labels they may have. ``score`` is a softmax of similarities and not calibrated."""

    input: Input
    labels: Annotated[list[Label], Meta(min_length=1)]
    template: Annotated[str, Meta(max_length=10_000, description="a text with {} for the label")] = SLOT
    temperature: Annotated[float, Meta(ge=0.001, le=100, description="of the softmax")] = 0.05


class LabelScore(msgspec.Struct, frozen=True, kw_only=True):
    """How well a label fits."""

    label: str
    score: float
    similarity: float


class Classified(msgspec.Struct, frozen=True, kw_only=True):
    """An input's label, and all labels, the best first."""

    object: Literal["classification"] = "classification"
    index: int
    prediction: str
    score: float
    predictions: list[LabelScore]


class Classification(msgspec.Struct, frozen=True, kw_only=True):
    """The labels of a request's inputs, in their order."""

    object: Literal["list"] = "list"
    model: str
    data: list[Classified]
    usage: Usage


def ask(request: ClassifyRequest) -> tuple[EmbeddingRequest, EmbeddingRequest]:
    """The inputs, and the labels in their template."""
    if request.template.count(SLOT) != 1:
        raise InputError(
            f"the template has no one place for a label; expected {SLOT} once", where="template"
        )
    size = request.size()
    inputs = EmbeddingRequest(input=request.input, **size)
    if len(inputs.inputs()) * len(request.labels) > MAX_SCORES:
        raise InputError(f"more than {MAX_SCORES} scores; expected fewer inputs or labels", where="labels")
    labels: list[str | int | list[int] | Part] = [
        request.template.replace(SLOT, label) for label in request.labels
    ]
    return inputs, EmbeddingRequest(input=labels, **size)


def answer(request: ClassifyRequest, answers: Sequence[Answer]) -> Classification:
    """Labels by similarity."""
    inputs, labels = answers
    similarities_nm = inputs.scores(labels).astype(np.float64)
    logits_nm = similarities_nm / request.temperature
    odds_nm = np.exp(logits_nm - logits_nm.max(axis=1, keepdims=True))
    scores_nm = odds_nm / odds_nm.sum(axis=1, keepdims=True)
    data = [
        _classified(index, request.labels, scores_m, similarities_m)
        for index, (scores_m, similarities_m) in enumerate(zip(scores_nm, similarities_nm, strict=True))
    ]
    return Classification(model=request.model, data=data, usage=Usage.of(answers))


def _classified(
    index: int, labels: Sequence[str], scores_m: np.ndarray, similarities_m: np.ndarray
) -> Classified:
    predictions = [
        LabelScore(label=labels[i], score=float(scores_m[i]), similarity=float(similarities_m[i]))
        for i in np.argsort(-similarities_m, kind="stable")
    ]
    best = predictions[0]
    return Classified(index=index, prediction=best.label, score=best.score, predictions=predictions)


TASK = Task(
    name="classify",
    request=ClassifyRequest,
    response=Classification,
    ask=ask,
    answer=answer,
    summary="The label of each input, out of label texts (zero-shot)",
    example={
        "model": "minilm",
        "input": ["The cat sat on the mat", "Compile the kernel first"],
        "labels": ["animals", "software"],
        "template": "a text about {}",
    },
)
