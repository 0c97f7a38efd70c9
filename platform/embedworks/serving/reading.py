"""Reads a Serve configuration from a file or values, and says in one line what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from embedworks.errors import InputError
from embedworks.serving.config import Pool, ServeConfig, ServedModel
from embedworks.serving.keys import Key
from embedworks.serving.limits import Limits
from embedworks.serving.observing.settings import Logs, Tracing
from embedworks.serving.replicas import Replicas
from embedworks.serving.searching.settings import ServedIndex
from embedworks.serving.variants import Checks, Follow, Variant


def load_config(file: Path) -> ServeConfig:
    """Read a Serve configuration. Folders in it that start with a dot are relative to its own.

    Raises:
        InputError: naming the file, the key, what was expected and the nearest right name.
    """
    if not file.is_file():
        raise InputError(f"no Serve configuration at {str(file)!r}", expected="a YAML file")
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {' '.join(str(error).split())}", where=str(file)) from error
    if not isinstance(values, dict):
        raise InputError(
            "a Serve configuration is a mapping",
            where=str(file),
            expected="models: [...] or indexes: [...]",
        )
    for name in ("keys", "report"):
        if isinstance(values.get(name), str):
            values[name] = _beside(values[name], file)
    _put_beside(values.get("models"), file)
    config = parse_config(values, str(file))
    models = [model.model_copy(update={"source": _beside(model.source, file)}) for model in config.models]
    indexes = [index.model_copy(update={"path": _beside(index.path, file)}) for index in config.indexes]
    return config.model_copy(update={"models": models, "indexes": indexes})


def parse_config(values: dict[str, Any], where: str) -> ServeConfig:
    """Validate a configuration; ``where`` is named in errors.

    Raises:
        InputError: for the first fault.
    """
    try:
        return ServeConfig.model_validate(values)
    except ValidationError as error:
        raise _explain(error, where) from None


def _put_beside(models: object, file: Path) -> None:
    """What models name beside their source: other versions, and pairs to check."""
    for model in models if isinstance(models, list) else ():
        for key, name in (("canary", "source"), ("shadow", "source"), ("checks", "pairs")):
            part = model.get(key) if isinstance(model, dict) else None
            if isinstance(part, dict) and isinstance(part.get(name), str):
                part[name] = _beside(part[name], file)


def _beside(source: str, file: Path) -> str:
    return str(file.parent / source) if source.startswith(("./", "../")) else source


def _explain(error: ValidationError, where: str) -> InputError:
    first = error.errors(include_url=False)[0]
    path = [str(step) for step in first["loc"]]
    key = ".".join(path) or "the file"
    if first["type"] != "extra_forbidden":
        return InputError(f"{key}: {first['msg'].removeprefix('Value error, ')}", where=where)
    known = _fields(path)
    return InputError(
        f"unknown key {key!r}", where=where, expected=", ".join(known), name=path[-1], known=known
    )


INNER: dict[str, type[BaseModel]] = {
    "replicas": Replicas,
    "canary": Variant,
    "shadow": Variant,
    "checks": Checks,
    "follow": Follow,
    "tracing": Tracing,
    "logs": Logs,
}


def _fields(path: list[str]) -> list[str]:
    for key, part in INNER.items():
        if key in path[:-1]:
            return list(part.model_fields)
    of: dict[str, type[BaseModel]] = {
        "models": ServedModel,
        "keys": Key,
        "limits": Limits,
        "pools": Pool,
        "indexes": ServedIndex,
    }
    return list((of.get(path[0], ServeConfig) if len(path) > 1 else ServeConfig).model_fields)
