"""``POST /v1/rerank``: documents by their similarity to a query, in Cohere's and Jina's shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta

from embedworks.task import Answer, EmbeddingRequest, Part, Positive, Sized, Task, Usage

Document = Annotated[str, Meta(min_length=1)] | Part


class RerankRequest(Sized, frozen=True, kw_only=True):
    """A query and the documents to rank. Each side has the model's own prompt, where it has one."""

    query: Document
    documents: Annotated[list[Document], Meta(min_length=1)]
    top_n: Annotated[Positive, Meta(description="keep the best so many; default: all")] | None = None
    return_documents: bool = False


class Ranked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document's place in the request and its similarity to the query."""

    index: int
    relevance_score: float
    document: Part | None = None


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The documents, the most similar first; equal ones in the order given."""

    object: Literal["list"] = "list"
    model: str
    results: list[Ranked]
    usage: Usage


def ask(request: RerankRequest) -> tuple[EmbeddingRequest, EmbeddingRequest]:
    """The query, and the documents."""
    size = request.size()
    return (
        EmbeddingRequest(input=[request.query], input_type="query", **size),
        EmbeddingRequest(input=list(request.documents), input_type="document", **size),
    )


def answer(request: RerankRequest, answers: Sequence[Answer]) -> Ranking:
    """Documents by similarity."""
    query, documents = answers
    (scores_m,) = query.scores(documents)
    order = np.argsort(-scores_m, kind="stable")[: request.top_n].tolist()
    results = [_ranked(request, index, float(scores_m[index])) for index in order]
    return Ranking(model=request.model, results=results, usage=Usage.of(answers))


def _ranked(request: RerankRequest, index: int, score: float) -> Ranked:
    document = request.documents[index] if request.return_documents else None
    if isinstance(document, str):
        document = Part(text=document)
    return Ranked(index=index, relevance_score=score, document=document)


TASK = Task(
    name="rerank",
    request=RerankRequest,
    response=Ranking,
    ask=ask,
    answer=answer,
    summary="Documents in the order of their similarity to a query",
    example={
        "model": "minilm",
        "query": "How do I sort a list?",
        "documents": ["sorted() returns a new list", "open() returns a file"],
        "top_n": 1,
    },
)
