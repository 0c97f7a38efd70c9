"""What the door and the rooms of indexes say to each other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta

from embedworks.errors import InputError
from embedworks.serving.refusals import ApiError
from embedworks.task import EmbeddingRequest, Name, Positive, Work

MOST_HITS = 1000  # of one query
MOST_HITS_IN_ALL = 100_000  # of one request
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Scalar = str | Whole | float | bool
Condition = Scalar | list[Scalar] | dict[str, Scalar]


class SearchRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of ``POST /v1/search``."""

    index: Name
    query: Annotated[str | list[str], Meta(description="a text, or texts; each has hits of its own")]
    limit: Annotated[int, Meta(ge=1, le=MOST_HITS, description="hits of a query")] = 10
    filter: (
        Annotated[
            dict[str, Condition],
            Meta(
                description="column to a value, to several of which one holds, or {gt|gte|lt|lte|ne: value}"
            ),
        ]
        | None
    ) = None
    layers: Annotated[Positive, Meta(description="of a size that is stored")] | None = None
    dimensions: Annotated[Positive, Meta(description="of a size that is stored")] | None = None
    exact: Annotated[bool, Meta(description="compare every row, also where there is a graph")] | None = None
    columns: Annotated[list[str], Meta(description="of a hit; all that are kept by default")] | None = None
    truncate: Annotated[bool, Meta(description="cut a query that is too long")] | None = None
    user: str | None = None

    def queries(self) -> list[str]:
        """The queries as a list.

        Raises:
            InputError: for none, an empty one, or more hits in all than an answer may hold.
        """
        found = [self.query] if isinstance(self.query, str) else self.query
        if not found or not all(found):
            raise InputError("the query is empty; expected at least one text, none empty", where="query")
        if len(found) * self.limit > MOST_HITS_IN_ALL:
            what = f"{len(found)} queries with {self.limit} hits each"
            raise InputError(f"{what}; expected at most {MOST_HITS_IN_ALL} hits in all", where="limit")
        return found

    def embedding(self, layers: int | None = None, dimensions: int | None = None) -> EmbeddingRequest:
        """What the model is asked: the queries, with its prompt for queries, at a size."""
        return EmbeddingRequest(
            model=self.index,
            input=list(self.queries()),
            input_type="query",
            layers=layers,
            dimensions=dimensions,
            truncate=self.truncate,
        )


@dataclass(frozen=True)
class Searched:
    """The answer of an index's room to one request; has what is counted of any answer.

    Attributes:
        body: The JSON of a :class:`.SearchAnswer`.
        version: Of the index.
        inputs: Queries.
        dimensions: Of their vectors.
        prompt_tokens: Tokens read, special ones included.
        work: How the vectors came about.
        began_ns: Unix time at which searching began, in nanoseconds.
        search_s: How long it took.
        hits: That were found.
        exact: Whether every row was compared.
    """

    body: bytes
    version: str
    inputs: int
    dimensions: int
    prompt_tokens: int
    work: tuple[Work, ...]
    began_ns: int
    search_s: float
    hits: int
    exact: bool


def of_query(error: ApiError) -> ApiError:
    """A refusal of what is embedded, as one of the field that it comes from."""
    return of_field(error, "input", "query")


def of_field(error: ApiError, inner: str, outer: str) -> ApiError:
    """A refusal of a field that was made of another one, as one of that."""
    if error.error["param"] == inner:
        error.error["param"] = outer
        error.error["message"] = re.sub(f"^{inner} ", f"{outer} ", error.error["message"] or "")
    return error


class AnyIndex(Protocol):
    """The room of an index, here or in another process."""

    async def search(self, request: SearchRequest) -> Searched:
        """Search, or raise :class:`ApiError`."""
        ...

    async def describe(self) -> dict[str, Any]:
        """The index's :class:`.IndexCard` as JSON's values; raises if the room cannot answer."""
        ...

    async def page(self, name: str) -> bytes:
        """``map`` or ``questions`` as JSON."""
        ...
