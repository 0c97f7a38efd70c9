"""The OpenAPI document of an endpoint, made of the types that read its requests."""

from __future__ import annotations

from typing import Any

import msgspec

import embedworks
from embedworks.serving.codec import REF, components
from embedworks.serving.models import Health, ModelCard, ModelList
from embedworks.serving.refusals import Refusal
from embedworks.serving.tasks import Tasks
from embedworks.task import Task

KEYED = "bearer"
JSON = "application/json"
RETRY = {"retry-after": {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "required": True}}
REFUSALS = {
    400: "The request cannot be answered as it is; `param` names the field",
    404: "No such model",
    408: "The body did not arrive in time",
    413: "The body, a text or an image is too large",
    415: "The body is not uncompressed JSON",
    429: "A quota is used up, or too much waits; `retry-after` says how long",
    500: "The server failed",
    504: "No answer in time",
}
UNAUTHORISED = {401: "No API key, or a wrong one"}


def describe_api(tasks: Tasks, *, keyed: bool) -> bytes:
    """The document as JSON.

    Args:
        tasks: What can be asked.
        keyed: Whether requests need an API key.
    """
    types: list[type[Any]] = [Refusal, ModelCard, ModelList, Health]
    for task in tasks.values():
        types += [task.request, task.response]
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "embedworks", "version": embedworks.__version__},
        "paths": {f"/v1/{name}": {"post": _task(task, keyed)} for name, task in tasks.items()},
        "components": {"schemas": components(types)},
    }
    document["paths"] |= _fixed(keyed)
    if keyed:
        document["components"]["securitySchemes"] = {KEYED: {"type": "http", "scheme": "bearer"}}
    return msgspec.json.encode(document)


def _task(task: Task[Any], keyed: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": _ref(task.request)}
    if task.example:
        body["example"] = dict(task.example)
    operation = _operation(task.name, task.summary, task.response, REFUSALS, keyed)
    return {**operation, "requestBody": {"required": True, "content": {JSON: body}}}


def _fixed(keyed: bool) -> dict[str, Any]:
    """The endpoints that are no tasks."""
    failed = {500: REFUSALS[500]}
    missing = failed | {404: REFUSALS[404]}
    name = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    one = _operation("model", "One served model; names may hold slashes", ModelCard, missing, keyed)
    unwell = {503: "A model does not answer"}
    return {
        "/v1/models": {"get": _operation("models", "What is served", ModelList, failed, keyed)},
        "/v1/models/{model}": {"get": {**one, "parameters": [name]}},
        "/healthz": {"get": _operation("healthz", "Whether every model answers", Health, unwell, False)},
    }


def _operation(
    name: str, summary: str, response: type[Any], refusals: dict[int, str], keyed: bool
) -> dict[str, Any]:
    answer = {"description": summary or name, "content": {JSON: {"schema": _ref(response)}}}
    responses: dict[str, Any] = {"200": answer}
    for status, words in sorted((refusals | (UNAUTHORISED if keyed else {})).items()):
        responses[str(status)] = {"description": words, "content": {JSON: {"schema": _ref(Refusal)}}}
    if "429" in responses:
        responses["429"]["headers"] = RETRY
    operation: dict[str, Any] = {"operationId": name, "summary": summary or name, "responses": responses}
    return operation | ({"security": [{KEYED: []}]} if keyed else {})


def _ref(type: type[Any]) -> dict[str, str]:
    return {"$ref": REF.format(name=type.__name__)}
