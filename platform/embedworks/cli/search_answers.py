"""Where ``embedworks search`` gets its answers: from an index's folder, or from an endpoint.

Both answer alike, as ``POST /v1/search`` does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from embedworks.errors import InputError

if TYPE_CHECKING:
    from embedworks.inference.engine import Engine
    from embedworks.vectors.records import VersionRecord
    from embedworks.vectors.table import Found

Answer = dict[str, Any]

QUERY = "query"  # the name of a model's prompt for queries


class Asked(NamedTuple):
    """What is looked for; see ``embedworks search --help``."""

    queries: Sequence[str]
    limit: int
    where: dict[str, Any]
    layers: int | None
    dimensions: int | None
    exact: bool
    columns: Sequence[str] | None


def search_folder(index: str, asked: Asked, tracking_uri: str | None) -> Answer:
    """Search the current version of an index on disk, with its own model.

    Raises:
        InputError: for an index, model, size, column or filter that is not there.
    """
    from embedworks.vectors.filters import read_filter
    from embedworks.vectors.index_folder import IndexFolder
    from embedworks.vectors.table import Table

    folder = IndexFolder.open(index)
    table = Table.open(index)
    size = table.size(asked.layers, asked.dimensions)
    read_filter(asked.where, table.schema)  # what is wrong is told before a model is loaded
    table.check_columns(asked.columns)
    engine = _open_maker(table.record, tracking_uri)
    prompt = engine.embedder.settings.prompts.get(QUERY, "")
    started = time.perf_counter()
    vectors_QD = engine.encode(asked.queries, prompt=prompt, layers=size.layers, dimensions=size.dimensions)
    embedded = time.perf_counter()
    found = table.search(
        vectors_QD, asked.limit, size=size, where=asked.where, exact=asked.exact, columns=asked.columns
    )
    ended = time.perf_counter()
    return {
        "object": "search",
        "index": folder.record.name,
        "model": table.record.model,
        "version": table.record.id,
        "layers": size.layers,
        "dimensions": size.dimensions,
        "data": _hits(found),
        "timing": {"embed_ms": 1e3 * (embedded - started), "search_ms": 1e3 * (ended - embedded)},
        "exact": found.exact,
    }


def _open_maker(record: VersionRecord, tracking_uri: str | None) -> Engine:
    from embedworks.cli.model_sources import ModelSources
    from embedworks.embedder import Embedder
    from embedworks.inference.engine import Engine
    from embedworks.vectors.maker import find_maker

    return Engine(Embedder.load(find_maker(record, ModelSources(tracking_uri))))


def _hits(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "index": query,
            "hits": [
                {"id": int(number), "score": float(score), "row": row}
                for number, score, row in zip(ids, scores, rows, strict=True)
            ],
        }
        for query, (ids, scores, rows) in enumerate(zip(found.ids, found.scores, found.rows, strict=True))
    ]


def search_endpoint(address: str, asked: Asked, api_key: str | None) -> Answer:
    """Ask an endpoint: ``http://host:port/v1#index``; one with a single index needs no ``#index``.

    Raises:
        InputError: for an address where no such endpoint or index answers, or what it refuses.
    """
    from embedworks.evaluation.endpoint import Refused, ask

    url, _, index = address.partition("#")
    url = url.rstrip("/")
    form = "http://HOST:PORT/v1#INDEX of an endpoint of `embedworks serve --index`"
    body = {"query": list(asked.queries), "limit": asked.limit, "filter": asked.where or None}
    body |= {"layers": asked.layers, "dimensions": asked.dimensions, "exact": asked.exact or None}
    body |= {"columns": list(asked.columns) if asked.columns is not None else None}
    try:
        name = index or _only_index(ask(f"{url}/indexes", None, api_key, form), url)
        given = {key: value for key, value in body.items() if value is not None}
        answer: Answer = ask(f"{url}/search", {"index": name, **given}, api_key, form)
    except Refused as error:
        raise InputError(f"{url} refuses: {error}") from error
    if not isinstance(answer, dict) or "data" not in answer:
        raise InputError(f"{url} answers something else", expected=form)
    return answer


def _only_index(listed: Any, url: str) -> str:
    names = [str(card["id"]) for card in listed.get("data", ())]
    if len(names) != 1:
        what = f"{url} serves {'several indexes' if names else 'no index'}"
        raise InputError(what, expected=f"{url}#INDEX with one of {', '.join(names)}" if names else None)
    return names[0]
