"""Validates a block of a job against a model, so that an error names the line the block stands on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from embedworks.errors import KeyPath, dotted
from embedworks.jobs.explain import problems_of, words
from embedworks.jobs.problems import Problem, refuse
from embedworks.jobs.source import SourceMap

ModelT = TypeVar("ModelT", bound=BaseModel)


def validate_block(model: type[ModelT], data: Any, source: SourceMap, path: KeyPath = ()) -> ModelT:
    """Validate a part of a job, a stage's ``objective:`` against its system's ``Config`` for instance.

    Args:
        model: The pydantic model.
        data: The part's data, as it was read.
        source: The job's source map.
        path: Where the part is in the job: ``("stages", 0, "objective")``.

    Raises:
        InputError: for the first problem, naming its line and how many there are.
    """
    try:
        value = model.model_validate(data)
    except ValidationError as error:
        problems = problems_of(error, model, data, path)
    else:
        problems = [
            Problem(place, f"{dotted(place)} is {words(raw)}", "a number")
            for place, raw in _booleans_as_numbers(value, data, path)
        ]
        if not problems:
            return value
    refuse(problems, source)
    raise AssertionError("refuse raises where there is a problem")


def _booleans_as_numbers(value: Any, data: Any, path: KeyPath) -> Iterator[tuple[KeyPath, bool]]:
    """Where pydantic took ``true`` for 1. No model, ours or a system's, means that."""
    if isinstance(data, bool):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield path, data
    elif isinstance(data, dict):
        for key, item in data.items():
            yield from _booleans_as_numbers(_child(value, key), item, (*path, key))
    elif isinstance(data, list) and isinstance(value, list | tuple):
        for index, (child, item) in enumerate(zip(value, data, strict=False)):
            yield from _booleans_as_numbers(child, item, (*path, index))


def _child(value: Any, key: str) -> Any:
    if isinstance(value, tuple) and len(value) == 1:  # a lone corpus became a list of one
        value = value[0]
    if isinstance(value, BaseModel):
        names = {field.alias or name: name for name, field in type(value).model_fields.items()}
        return getattr(value, names[key], None) if key in names else None
    return value.get(key) if isinstance(value, dict) else None
