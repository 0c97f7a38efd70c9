"""Finds quality filters by name, and makes them from their keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from embedworks.corpora.quality.contract import FilterConfig, QualityFilter, Resources
from embedworks.errors import InputError
from embedworks.named import find_module, module_names

NAME = "name"
FILTERS = Path(__file__).parent / "filters"


def filter_names() -> list[str]:
    """Names of the filters; modules are not imported."""
    return module_names(FILTERS)


def filter_config(name: str) -> type[FilterConfig]:
    """The keys of a filter.

    Raises:
        InputError: for an unknown name, with the nearest one.
    """
    config: type[FilterConfig] = _module(name).Config
    return config


def make_filter(block: Mapping[str, Any], resources: Resources) -> QualityFilter[Any]:
    """A filter from its block in a job: ``name`` and its own keys.

    Raises:
        InputError: for an unknown name or a wrong key, or what the filter's resources raise.
    """
    name = str(block.get(NAME, ""))
    module = _module(name)
    try:
        config = module.Config.model_validate({key: value for key, value in block.items() if key != NAME})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        known = list(module.Config.model_fields)
        key = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{key}: {first['msg']}".removeprefix(": "),
            where=f"filter {name!r}",
            name=key if first["type"] == "extra_forbidden" else None,
            known=known,
        ) from error
    made: QualityFilter[Any] = module.Filter(config, resources)
    return made


def _module(name: str) -> Any:
    return find_module("filter", name, "embedworks.corpora.quality.filters", FILTERS)
