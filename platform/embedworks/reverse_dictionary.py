"""``POST /v1/tasks/reverse-dictionary``: entries of an index by a definition, whatever model made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from embedworks.task import Name, SearchTask, Usage

MOST_ENTRIES = 100
SPARE = 4  # rows asked for each entry: homographs are several rows of an index

Definition = Annotated[str, Meta(min_length=1)]


class ReverseRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A definition, or several. The index keeps the columns ``headword`` and ``definitions``."""

    index: Name
    definition: Definition | Annotated[list[Definition], Meta(min_length=1, max_length=100)]
    k: Annotated[int, Meta(ge=1, le=MOST_ENTRIES, description="entries of a definition")] = 10


class FoundEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that a definition may explain."""

    entry: str
    score: float
    definitions: list[str]


class FoundEntries(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of one definition, the best first."""

    index: Annotated[int, Meta(description="of the definition")]
    entries: list[FoundEntry]


class ReverseDictionary(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of a request's definitions, in their order."""

    object: Literal["reverse-dictionary"] = "reverse-dictionary"
    model: str
    data: list[FoundEntries]
    usage: Usage


def ask(request: ReverseRequest) -> dict[str, Any]:
    """The search that is made."""
    return {
        "index": request.index,
        "query": request.definition,
        "limit": SPARE * request.k,
        "columns": ["headword", "definitions"],
    }


def answer(request: ReverseRequest, found: Mapping[str, Any]) -> ReverseDictionary:
    """Its hits as entries, each once."""
    data = [
        FoundEntries(index=hits["index"], entries=best(hits["hits"], request.k)) for hits in found["data"]
    ]
    usage = Usage(**found["usage"])
    return ReverseDictionary(model=found["model"], data=data, usage=usage)


def best(hits: Sequence[Mapping[str, Any]], k: int) -> list[FoundEntry]:
    """The first k different entries; hits come best first."""
    found: dict[str, FoundEntry] = {}
    for hit in hits:
        row = hit["row"]
        entry = FoundEntry(entry=row["headword"], score=hit["score"], definitions=row["definitions"])
        found.setdefault(entry.entry, entry)
    return list(found.values())[:k]


REVERSE_DICTIONARY = SearchTask(
    name="reverse-dictionary",
    request=ReverseRequest,
    response=ReverseDictionary,
    ask=ask,
    answer=answer,
    query="definition",
    summary="The dictionary entries that a definition may explain",
    example={"index": "dictionary", "definition": "a large bird that cannot fly", "k": 5},
)
