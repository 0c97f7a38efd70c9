"""Values of a method's parameters for one tensor, from what a job says for all of them.

A setting is one value; a list of numbers, which is a gradient over the depth of the model; or a list of
``{filter, value}``, of which the first whose filter is part of the tensor's name counts (none or ``*`` is
part of every name). Settings stand beside a model, in a slice, in a module or for the whole merge, and are
looked up in this order; where none applies, the default does. These are mergekit's rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from embedworks.errors import InputError, KeyPath, first_line
from embedworks.merging.method import MethodParameters, is_per_model, value_type

Settings = Mapping[str, Any]

_NOTHING = object()
_EVERY = (None, "*")


def resolve(
    cls: type[MethodParameters],
    name: str,
    depth: float,
    scopes: Sequence[Settings],
    models: Sequence[tuple[str, str, Settings]],
) -> MethodParameters:
    """The parameters of one output tensor.

    Args:
        cls: The method's parameters.
        name: Of the output tensor.
        depth: 0 in the first layer to 1 in the last; 0 outside of the layers.
        scopes: Settings for all models, those that count first in front.
        models: For each model its name, its name of the tensor, and the settings beside it.

    Raises:
        InputError: naming model and tensor where a required value is missing, or the value that is wrong.
    """
    values: dict[str, Any] = {}
    for key, info in cls.model_fields.items():
        field = info.alias or key
        if is_per_model(cls, key):
            each = [
                _one(cls, key, tensor, depth, (own, *scopes), f"{model}: {tensor}")
                for model, tensor, own in models
            ]
            values[field] = tuple(each)
        else:
            values[field] = _one(cls, key, name, depth, scopes, name)
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{name}: {first_line_of(error)}") from error


def _one(
    cls: type[MethodParameters], key: str, tensor: str, depth: float, scopes: Sequence[Settings], where: str
) -> Any:
    info = cls.model_fields[key]
    field = info.alias or key
    adapter = _adapter(cls, key)
    for scope in scopes:
        if field in scope:
            value = _evaluate(scope[field], tensor, depth, adapter)
            if value is not _NOTHING:
                return value
    if info.is_required():
        raise InputError(f"{where} has no {field}", expected=f"{field} beside the model, or for all")
    return info.get_default(call_default_factory=True)


@cache
def _adapter(cls: type[MethodParameters], key: str) -> TypeAdapter[Any]:
    return TypeAdapter(value_type(cls, key))


def _evaluate(setting: Any, tensor: str, depth: float, adapter: TypeAdapter[Any]) -> Any:
    if isinstance(setting, Mapping):
        setting = [setting]
    if not isinstance(setting, list | tuple):
        return adapter.validate_python(setting)
    if setting and all(isinstance(entry, Mapping) for entry in setting):
        for entry in setting:
            if entry.get("filter") in _EVERY or entry["filter"] in tensor:
                return _evaluate(entry["value"], tensor, depth, adapter)
        return _NOTHING
    return _gradient([adapter.validate_python(value) for value in setting], depth)


def _gradient(values: list[Any], depth: float) -> Any:
    if not values:
        return _NOTHING
    place = depth * (len(values) - 1)
    left = int(place)
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return values[left]
    right = min(left + 1, len(values) - 1)
    return (1 - (place - left)) * values[left] + (place - left) * values[right]


def check_settings(
    cls: type[MethodParameters],
    settings: Settings,
    where: Callable[[KeyPath], str | None] = lambda _: None,
) -> None:
    """Refuse unknown keys and values of a wrong type or range, before anything is read.

    Args:
        cls: The method's parameters.
        settings: What the job says.
        where: The place of a key of ``settings`` in the file, for the message.

    Raises:
        InputError: for the first one, with its place.
    """
    fields = {info.alias or key: key for key, info in cls.model_fields.items()}
    for field, setting in settings.items():
        if field not in fields:
            expected = f"one of {', '.join(fields)}" if fields else "no parameters"
            raise InputError(
                f"unknown parameter {field!r}",
                where=where((field,)),
                expected=expected,
                name=field,
                known=fields,
            )
        adapter = _adapter(cls, fields[field])
        for path, value in leaves(setting):
            _check_leaf(adapter, field, value, where((field, *path)))


def _check_leaf(adapter: TypeAdapter[Any], field: str, value: Any, where: str | None) -> None:
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        raise InputError(f"{field} is {value!r}: {first_line_of(error)}", where=where) from error


def leaves(setting: Any) -> Iterator[tuple[KeyPath, Any]]:
    """The values that a setting can take, with their places in it.

    Raises:
        InputError: for a ``{filter, value}`` with other keys.
    """
    if isinstance(setting, Mapping):
        if "value" not in setting or set(setting) - {"filter", "value"}:
            raise InputError(f"{dict(setting)} is no setting", expected="the keys filter and value")
        yield from ((("value", *path), value) for path, value in leaves(setting["value"]))
    elif isinstance(setting, list | tuple):
        for index, entry in enumerate(setting):
            yield from (((index, *path), value) for path, value in leaves(entry))
    else:
        yield (), setting


def first_line_of(error: ValidationError) -> str:
    """The first thing that pydantic found, as half a sentence."""
    found = error.errors()[0]
    place = ".".join(str(part) for part in found["loc"])
    message = first_line(Exception(found["msg"]))
    return f"{place}: {message}" if place else message
