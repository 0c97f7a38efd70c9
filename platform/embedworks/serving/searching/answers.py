"""The bodies of answers of ``/v1/search`` and ``/v1/indexes``, for the OpenAPI document.

Rooms write them as JSON without making these (:mod:`.rendering`); a test holds both together.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from embedworks.task import Usage


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was found."""

    id: Annotated[int, Meta(description="number of the row in its split of the corpus")]
    score: Annotated[
        float, Meta(description="cosine or inner product, as the model says; bigger is better")
    ]
    row: dict[str, Any]


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """What was found for one query, best first."""

    index: Annotated[int, Meta(description="of the query")]
    hits: list[Hit]


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds, in the index's replica."""

    embed_ms: float
    search_ms: float


class SearchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found."""

    object: Literal["search"]
    index: str
    model: str
    version: str
    layers: int
    dimensions: int
    data: list[Hits]
    usage: Usage
    timing: Timing
    exact: Annotated[bool, Meta(description="whether nothing better can have been missed")]


class IndexCard(msgspec.Struct, frozen=True, kw_only=True):
    """An index that is served."""

    id: str
    object: Literal["index"]
    rows: int
    model: Annotated[str, Meta(description="that made the vectors, at its version")]
    asked: Annotated[str, Meta(description="what was asked for, which may lead to another version now")]
    version: str
    similarity: Literal["cosine", "dot"]
    sizes: Annotated[list[tuple[int, int]], Meta(description="(layers, dimensions) that are stored")]
    columns: Annotated[list[str], Meta(description="of a hit's row")]
    text: Annotated[str, Meta(description="the column that was embedded")]
    group: Annotated[str | None, Meta(description="the column that colours the map")]
    corpus: str
    split: str
    created: int
    kind: Literal["exact", "ivf_hnsw_sq", "ivf_pq"]
    recall: Annotated[float | None, Meta(description="at 10, against exact search, where it was measured")]
    questions: int
    map: Annotated[int, Meta(description="points")]


class IndexList(msgspec.Struct, frozen=True, kw_only=True):
    """The indexes that are served."""

    object: Literal["list"]
    data: list[IndexCard]


class IndexMap(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of an index in two dimensions, as columns of equal length."""

    id: list[int]
    x: list[float]
    y: list[float]
    group: list[str | None]
    text: Annotated[list[str | None], Meta(description="cut to 200 characters")]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A query of the corpus and the rows that answer it."""

    query: str
    relevant: list[int]


class Questions(msgspec.Struct, frozen=True, kw_only=True):
    """Held-out queries of an index."""

    data: list[Question]
