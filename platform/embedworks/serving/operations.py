"""The operations of an OpenAPI document: what is sent, what comes back, and how it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedworks.serving.codec import REF
from embedworks.serving.refusals import Refusal

KEYED = "bearer"
JSON = "application/json"
RETRY = {"retry-after": {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "required": True}}
REFUSALS = {
    400: "The request cannot be answered as it is; `param` names the field",
    404: "No such model or index",
    408: "The body did not arrive in time",
    413: "The body, a text or an image is too large",
    415: "The body is not uncompressed JSON",
    429: "A quota is used up, or too much waits; `retry-after` says how long",
    500: "The server failed",
    504: "No answer in time",
}
UNAUTHORISED = {401: "No API key, or a wrong one"}
FAILED = {500: REFUSALS[500]}
MISSING = FAILED | {404: REFUSALS[404]}


def operation(
    name: str, summary: str, response: type[Any], refusals: Mapping[int, str], keyed: bool
) -> dict[str, Any]:
    """One operation that answers in JSON."""
    answer = {"description": summary or name, "content": {JSON: {"schema": ref(response)}}}
    return {
        "operationId": name,
        "summary": summary or name,
        "responses": {"200": answer, **refused({**refusals, **(UNAUTHORISED if keyed else {})})},
    } | ({"security": [{KEYED: []}]} if keyed else {})


def posted(
    name: str,
    summary: str,
    types: tuple[type[Any], type[Any]],
    example: Mapping[str, Any],
    keyed: bool,
) -> dict[str, Any]:
    """One operation to which JSON is posted; ``types`` are those of request and response."""
    body: dict[str, Any] = {"schema": ref(types[0])}
    if example:
        body["example"] = dict(example)
    sent = {"required": True, "content": {JSON: body}}
    return {**operation(name, summary, types[1], REFUSALS, keyed), "requestBody": sent}


def found(name: str, summary: str, response: type[Any], parameter: str, keyed: bool) -> dict[str, Any]:
    """One operation that gets something by its name in the path."""
    return {**operation(name, summary, response, MISSING, keyed), "parameters": [in_path(parameter)]}


def refused(refusals: Mapping[int, str]) -> dict[str, Any]:
    """The responses of refusals, by status."""
    responses: dict[str, Any] = {
        str(status): {"description": words, "content": {JSON: {"schema": ref(Refusal)}}}
        for status, words in sorted(refusals.items())
    }
    if "429" in responses:
        responses["429"]["headers"] = RETRY
    return responses


def in_path(name: str) -> dict[str, Any]:
    """A parameter that is a part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def ref(type: type[Any]) -> dict[str, str]:
    """The schema of a type."""
    return {"$ref": REF.format(name=type.__name__)}
