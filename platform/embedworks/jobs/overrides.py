"""``--set path=value``: changes a job's data before it is validated.

A path is a dotted key: ``tracking.uri``, ``stages.docs.steps``, ``stages.0.steps``, or ``docs.steps``
for the stage called docs (a key of the job itself comes first). The value is read as YAML.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from embedworks.errors import InputError, KeyPath, dotted
from embedworks.jobs.schema import Job
from embedworks.jobs.source import SourceMap, read_yaml


def apply_overrides(data: dict[str, Any], source: SourceMap, arguments: Iterable[str]) -> SourceMap:
    """Set values in ``data``, in place and in order.

    Args:
        data: A job's data.
        source: Where it came from.
        arguments: ``path=value`` each.

    Returns:
        The source map that names ``--set`` for what was set.

    Raises:
        InputError: for an argument that cannot be read, or a path that leads nowhere.
    """
    for argument in arguments:
        keys, value = split_override(argument)
        path = _set(data, keys, value, f"--set {argument}")
        source = source.overridden(path, argument)
    return source


def split_override(argument: str) -> tuple[list[str], Any]:
    """The keys and the value of ``a.b=value``.

    Raises:
        InputError: unless it has that form and the value is YAML.
    """
    text, equals, value = argument.partition("=")
    keys = text.strip().split(".")
    where = f"--set {argument}"
    if not equals or not all(keys):
        raise InputError("cannot be read", where=where, expected="path=value, as in docs.steps=10")
    return keys, read_yaml(value, where)[0]


def _set(data: dict[str, Any], keys: list[str], value: Any, where: str) -> KeyPath:
    """Descend to the last key, making the blocks that are not there yet, and put ``value`` under it."""
    keys = _long_form(data, keys, where)
    block: Any = data
    path: KeyPath = ()
    for place, key in enumerate(keys):
        step = _step(block, key, path, where)
        path = (*path, step)
        if place == len(keys) - 1:
            block[step] = value
        else:
            if isinstance(block, dict) and block.get(key) is None:
                block[key] = {}
            block = block[step]
    return path


def _long_form(data: dict[str, Any], keys: list[str], where: str) -> list[str]:
    """``docs.steps`` to ``stages.docs.steps``."""
    if keys[0] in Job.model_fields:
        return keys
    names = stage_names(data.get("stages"))
    if keys[0] in names:
        return ["stages", *keys]
    known = [*Job.model_fields, *names]
    raise InputError(
        f"the job has no key or stage {keys[0]!r}",
        where=where,
        expected=f"one of {', '.join(known)}",
        name=keys[0],
        known=known,
    )


def _step(block: Any, key: str, path: KeyPath, where: str) -> str | int:
    """The key or index that ``key`` means in ``block``."""
    if isinstance(block, dict):
        return key
    if not isinstance(block, list):
        raise InputError(
            f"{dotted(path)} has no keys inside", where=where, expected="a path that ends there"
        )
    names = stage_names(block)
    if key in names:
        return names.index(key)
    if key.isdecimal() and int(key) < len(block):
        return int(key)
    known = [name for name in names if name]
    choices = [*known, f"0 to {len(block) - 1}"] if block else ["nothing: the list is empty"]
    raise InputError(
        f"{dotted(path)} has no item {key!r}",
        where=where,
        expected=f"one of {', '.join(choices)}",
        name=key,
        known=known,
    )


def stage_names(stages: Any) -> list[str]:
    """The names of the stages, in order; empty where an item has none."""
    items = stages if isinstance(stages, list) else []
    return [str(item.get("name", "")) if isinstance(item, dict) else "" for item in items]
