"""The OpenAPI document of an endpoint, made of the types that read its requests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

import msgspec

import embedworks
from embedworks.serving.codec import components
from embedworks.serving.models import Health, ModelCard, ModelList
from embedworks.serving.operations import FAILED, KEYED, MISSING, found, in_path, operation, posted, refused
from embedworks.serving.pages import TYPES
from embedworks.serving.refusals import Refusal
from embedworks.serving.searching.answers import IndexCard, IndexList, IndexMap, Questions, SearchAnswer
from embedworks.serving.searching.protocol import SearchRequest
from embedworks.serving.tasks import Tasks

FIXED = (Refusal, ModelCard, ModelList, Health, SearchRequest, SearchAnswer)
OF_INDEXES = (IndexCard, IndexList, IndexMap, Questions)
SEARCH = {"index": "docs", "query": "How do I sort a list?", "limit": 3}


def describe_api(tasks: Tasks, *, keyed: bool, pages: Iterable[str] = (), report: bool = False) -> bytes:
    """The document as JSON.

    Args:
        tasks: What can be asked.
        keyed: Whether requests need an API key.
        pages: Paths of the playground's files; with none, there is no playground.
        report: Whether there is a page that compares models.
    """
    types: list[type[Any]] = [*FIXED, *OF_INDEXES]
    paths: dict[str, Any] = {}
    for name, task in tasks.items():
        types += [task.request, task.response]
        both = (task.request, task.response)
        paths[f"/v1/{name}"] = {"post": posted(name, task.summary, both, task.example, keyed)}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "embedworks", "version": embedworks.__version__},
        "paths": paths | _models(keyed) | _indexes(keyed) | _pages(set(pages)) | _report(report, keyed),
        "components": {"schemas": components(types)},
    }
    if keyed:
        document["components"]["securitySchemes"] = {KEYED: {"type": "http", "scheme": "bearer"}}
    return msgspec.json.encode(document)


def _models(keyed: bool) -> dict[str, Any]:
    unwell = {503: "A model or an index does not answer"}
    one = found("model", "One served model; names may hold slashes", ModelCard, "model", keyed)
    return {
        "/v1/models": {"get": operation("models", "What is served", ModelList, FAILED, keyed)},
        "/v1/models/{model}": {"get": one},
        "/healthz": {"get": operation("healthz", "Whether every model answers", Health, unwell, False)},
    }


def _indexes(keyed: bool) -> dict[str, Any]:
    words = "The rows of an index that are most similar to queries"
    points = "Some of its rows in the plane, as columns"
    questions = "Held-out queries and the rows that answer them"
    return {
        "/v1/search": {"post": posted("search", words, (SearchRequest, SearchAnswer), SEARCH, keyed)},
        "/v1/indexes": {"get": operation("indexes", "What can be searched", IndexList, FAILED, keyed)},
        "/v1/indexes/{index}": {"get": found("index", "One index", IndexCard, "index", keyed)},
        "/v1/indexes/{index}/map": {"get": found("map", points, IndexMap, "index", keyed)},
        "/v1/indexes/{index}/questions": {"get": found("questions", questions, Questions, "index", keyed)},
    }


def _report(there: bool, keyed: bool) -> dict[str, Any]:
    if not there:
        return {}
    page = operation("report", "How models compare, as a page", str, FAILED, keyed)
    html = {"description": "The page", "content": {"text/html": {"schema": {"type": "string"}}}}
    page["responses"] |= {"200": html, "304": {"description": "The client has it already"}}
    return {"/report": {"get": page}}


def _pages(pages: set[str]) -> dict[str, Any]:
    if not pages:
        return {}
    files = {
        "description": "A file of the playground",
        "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in TYPES.values()},
    }
    known = {"description": "The client has it already"}
    page = {"operationId": "playground", "summary": "A page to try the endpoint with"}
    file = {"operationId": "playgroundFile", "summary": "A script, style or picture of that page"}
    html = files | {"content": {"text/html": {"schema": {"type": "string"}}}}
    names = [{**in_path("file"), "examples": _examples(pages)}]
    return {
        "/": {"get": {**page, "responses": {"200": html, "304": known}}},
        "/playground/{file}": {
            "get": {
                **file,
                "parameters": names,
                "responses": {"200": files, "304": known, **refused(MISSING)},
            }
        },
    }


def _examples(pages: Iterable[str]) -> dict[str, Any]:
    names = sorted(PurePath(page).name for page in pages if page)
    return {name: {"value": name} for name in names}
