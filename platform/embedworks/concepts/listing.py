"""``POST /v1/tasks/concepts``: which concepts texts have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta

from embedworks.concepts.names import Texts, Top, names_of
from embedworks.task import Answer, EmbeddingRequest, InputType, Sized, Task, Usage

# Shape legend: K concepts.


class ConceptsRequest(Sized, frozen=True, kw_only=True):
    """Texts of which the concepts are wanted."""

    input: Texts
    input_type: Annotated[InputType, Meta(description="which of the model's two kinds they are")] = "query"
    top: Top = 5


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """How present a concept is in a text, from 0 to 1."""

    concept: str
    presence: float


class TextConcepts(msgspec.Struct, frozen=True, kw_only=True):
    """A text's concepts, the most present first; those that the model counts as absent are left out."""

    object: Literal["concepts"] = "concepts"
    index: int
    concepts: list[Presence]


class ConceptLists(msgspec.Struct, frozen=True, kw_only=True):
    """One list for each input, in their order."""

    object: Literal["list"] = "list"
    model: str
    data: list[TextConcepts]
    usage: Usage


def ask(request: ConceptsRequest) -> tuple[EmbeddingRequest]:
    """The texts with the prompt of their kind."""
    texts: Any = request.input
    return (EmbeddingRequest(input=texts, input_type=request.input_type, **request.size()),)


def answer(request: ConceptsRequest, answers: Sequence[Answer]) -> ConceptLists:
    """The largest presences of every text.

    Raises:
        InputError: for a model without concepts.
    """
    names = names_of(answers[0], request.model)
    data = [
        TextConcepts(index=index, concepts=_present(names, vector_K, request.top))
        for index, vector_K in enumerate(answers[0].vectors)
    ]
    return ConceptLists(model=request.model, data=data, usage=Usage.of(answers))


def _present(names: Sequence[str], vector_K: np.ndarray, top: int) -> list[Presence]:
    order = np.argsort(-vector_K, kind="stable")[:top]
    return [Presence(concept=names[k], presence=float(vector_K[k])) for k in order if vector_K[k] > 0]


CONCEPT_LISTS = Task(
    name="concepts",
    request=ConceptsRequest,
    response=ConceptLists,
    ask=ask,
    answer=answer,
    summary="The concepts of texts",
    example={"model": "concepts", "input": "Hund", "input_type": "document", "top": 3},
)
