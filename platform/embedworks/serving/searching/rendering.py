"""Answers of indexes as JSON, made where the rows are: the door passes bytes on."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import orjson

from embedworks.vectors.records import Ann, Size, VersionRecord
from embedworks.vectors.table import Found, Table

TEXT_CHARACTERS = 200  # of a point of the map


def render_hits(
    name: str,
    record: VersionRecord,
    size: Size,
    found: Found,
    tokens: int,
    milliseconds: tuple[float, float],
) -> bytes:
    """The JSON of a :class:`.SearchAnswer`.

    Args:
        name: Of the index.
        record: The version that was searched.
        size: What was searched at.
        found: The hits.
        tokens: Of the queries.
        milliseconds: Of embedding and of searching.
    """
    embed_ms, search_ms = milliseconds
    data = [
        {"index": place, "hits": _hits(ids.tolist(), scores.tolist(), rows)}
        for place, (ids, scores, rows) in enumerate(zip(found.ids, found.scores, found.rows, strict=True))
    ]
    return as_json(
        {
            "object": "search",
            "index": name,
            "model": record.model,
            "version": record.id,
            "layers": size.layers,
            "dimensions": size.dimensions,
            "data": data,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            "timing": {"embed_ms": round(embed_ms, 3), "search_ms": round(search_ms, 3)},
            "exact": found.exact,
        }
    )


def _hits(ids: list[int], scores: list[float], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"id": number, "score": score, "row": row}
        for number, score, row in zip(ids, scores, rows, strict=True)
    ]


def describe(name: str, table: Table) -> dict[str, Any]:
    """An :class:`.IndexCard` as JSON's values: of the index of that name, in the version of the table."""
    record, points = table.record, table.map()
    ann = record.ann.get(record.full.column, Ann(kind="exact"))
    return {
        "id": name,
        "object": "index",
        "rows": record.rows,
        "model": record.model,
        "asked": record.asked,
        "version": record.id,
        "similarity": record.similarity,
        "sizes": [(size.layers, size.dimensions) for size in record.sizes],
        "columns": table.columns,
        "text": record.column,
        "group": record.group,
        "corpus": record.corpus,
        "split": record.split,
        "created": int(record.created),
        "kind": ann.kind,
        "recall": ann.recall,
        "questions": len(table.questions()),
        "map": 0 if points is None else points.num_rows,
    }


def render_map(table: Table) -> bytes:
    """The JSON of an :class:`.IndexMap`; without points where there is no map."""
    points = table.map()
    if points is None:
        return as_json({"id": [], "x": [], "y": [], "group": [], "text": []})
    columns = {name: points.column(name).to_pylist() for name in ("id", "x", "y", "group", "text")}
    for name in ("group", "text"):
        columns[name] = [None if one is None else str(one)[:TEXT_CHARACTERS] for one in columns[name]]
    return as_json(columns)


def render_questions(table: Table) -> bytes:
    """The JSON of :class:`.Questions`."""
    return as_json({"data": table.questions()})


def as_json(value: Any) -> bytes:
    """JSON of values as they come out of Arrow: dates as ISO 8601, bytes as base64, NaN as null."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)  # decimals, durations
