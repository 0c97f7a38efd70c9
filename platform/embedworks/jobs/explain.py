"""Pydantic's errors in the words of a job file: the key as the file shows it, and the nearest name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from embedworks.errors import KeyPath, dotted
from embedworks.jobs.problems import Problem
from embedworks.jobs.schema import SLUG

EXPECTED = {
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "a block of keys"),
    **dict.fromkeys(("tuple_type", "list_type", "set_type"), "a list"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "text; put it in quotes if it looks like something else",
    "string_too_short": "some text",
}
SHOWN_CHARACTERS = 60


def problems_of(
    error: ValidationError, model: type[BaseModel], data: Any, base: KeyPath = ()
) -> list[Problem]:
    """Translate a validation error.

    Args:
        error: What ``model`` raised.
        model: The model that validated.
        data: What it validated.
        base: Where ``data`` is in the job.
    """
    errors = error.errors(include_url=False)
    # A list whose items are wrong also counts as too short: pydantic leaves those items out.
    real = [one for one in errors if one["type"] != "too_short" or not one["input"]]
    return [_problem(one, model, data, base) for one in real or errors]


def words(value: Any) -> str:
    """A value as a message shows it."""
    if value is None:
        return "empty"
    if isinstance(value, dict | list):
        return "a block of keys" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


def _problem(error: ErrorDetails, model: type[BaseModel], data: Any, base: KeyPath) -> Problem:
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    loc = (*error["loc"], "kind") if kind.startswith("union_tag") else error["loc"]
    missing = kind in ("missing", "union_tag_not_found")
    path = (*base, *_shown(loc, data, missing))
    key, fields = dotted(path), _fields(model, loc[:-1])
    if kind == "extra_forbidden":
        expected = f"one of {', '.join(fields)}"
        return Problem(path, f"unknown key {key!r}", expected, str(loc[-1]), fields, unknown_key=True)
    if missing:
        field = fields.get(str(loc[-1]))
        return Problem(
            path, f"{key} is missing", field.description and f"it: {field.description}" if field else None
        )
    if kind in ("value_error", "assertion_error"):
        return Problem(path, f"{key}: {context['error']}")
    if kind in ("literal_error", "union_tag_invalid"):
        return _choice(path, context.get("tag", given), context)
    if context.get("pattern") == SLUG:
        slug = "-".join(re.findall(r"[a-z0-9]+", str(given).lower()))
        return Problem(
            path, f"{key} is {words(given)}", "lower-case words joined by hyphens", str(given), [slug]
        )
    return Problem(path, f"{key} is {words(given)}", _expected(error))


def _choice(path: KeyPath, given: Any, context: dict[str, Any]) -> Problem:
    choices = str(context.get("expected") or context["expected_tags"])
    names = re.findall(r"'([^']*)'", choices)
    return Problem(path, f"{dotted(path)} is {words(given)}", choices, str(given), names)


def _expected(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("too_short", "too_long"):
        limit = context.get("min_length") if kind == "too_short" else context["max_length"]
        return f"at {'least' if kind == 'too_short' else 'most'} {limit} in it"
    text = re.sub(r"^.*? should (be |match |have )?", "", error["msg"])
    return EXPECTED.get(kind) or re.sub(r"^(greater|less)", r"a value \1", text)


def _shown(loc: Sequence[str | int], data: Any, missing: bool) -> Iterator[str | int]:
    """Leave out what the file does not show: the tags of unions, the index of a corpus that is no list."""
    for place, piece in enumerate(loc):
        is_key = isinstance(data, dict) and piece in data
        if is_key or (isinstance(data, list) and isinstance(piece, int) and piece < len(data)):
            data = data[piece]
            yield piece
        elif missing and place == len(loc) - 1:
            yield piece


def _fields(model: type[BaseModel], loc: Sequence[str | int]) -> dict[str, FieldInfo]:
    """The fields that the block at ``loc`` may have, under the names that a file uses."""
    models = [model]
    for piece in loc:
        tagged = [one for one in models if piece in _tags(one)]
        if len(models) > 1 and tagged:  # `evaluate` is a kind of stage, and a key of another kind
            models = tagged
            continue
        nested = [
            inner
            for outer in models
            for name, field in outer.model_fields.items()
            if (field.alias or name) == piece
            for inner in _models(field.annotation)
        ]
        models = nested or tagged or models
    return {field.alias or name: field for one in models for name, field in one.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    kind = model.model_fields.get("kind")
    return (model.__name__, *get_args(kind.annotation if kind else None))
