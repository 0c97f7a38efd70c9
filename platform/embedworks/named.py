"""Things that are found by name: one module each in a folder, loaded only when one is named."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from embedworks.errors import InputError


def short_name(model: str) -> str:
    """The end of a model's name, as tables show it: its folder, its name at a hub or an endpoint.

    Example:
        >>> short_name("sentence-transformers/all-MiniLM-L6-v2"), short_name("http://host/v1#docs")
        ('all-MiniLM-L6-v2', 'docs')
    """
    return re.split(r"[/#]", model.rstrip("/"))[-1]


def module_names(folder: Path) -> list[str]:
    """Names of the modules in a folder, with hyphens; those that begin with an underscore have none."""
    return sorted(file.stem.replace("_", "-") for file in folder.glob("[!_]*.py"))


def find_module(kind: str, name: str, package: str, folder: Path) -> Any:
    """The module of that name.

    Args:
        kind: What it is, for the message: ``"merge method"``.
        name: With hyphens.
        package: The package whose folder it is.
        folder: Where the package is.

    Raises:
        InputError: for an unknown name, with the nearest one.
    """
    require_known(kind, name, module_names(folder))
    return importlib.import_module(f"{package}.{name.replace('-', '_')}")


def require_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Refuse a name that is not known.

    Raises:
        InputError: with the nearest one.
    """
    names = list(known)
    if name not in names:
        raise InputError(
            f"unknown {kind} {name!r}", expected=f"one of {', '.join(names)}", name=name, known=names
        )
