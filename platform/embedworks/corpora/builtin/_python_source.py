"""Python files, the functions and classes in them, and their docstrings as prose."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SKIPPED = frozenset(
    {
        "test",
        "tests",
        "testing",
        "_testing",
        "idle_test",
        "site-packages",
        "dist-packages",
        "__pycache__",
        "turtledemo",
        "ensurepip",
        "encodings",
        "pydoc_data",
        "_vendor",
        "externals",
        "_examples",
    }
)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_UNDERLINE = re.compile(r"^\s*([-=~^*+.#])\1{2,}\s*$")
_FIELD = re.compile(r"^:(?P<kind>\w+)(?: (?P<name>[\w *,]+))?: ?")
_DIRECTIVE = re.compile(r"^\.\. ")
_ROLE = re.compile(r":[\w:]+:`[~!]?([^`]+)`")
_QUOTES = re.compile(r"`+([^`]*)`+_{0,2}")
_PROMPT = re.compile(r"^\s*(>>>|\.\.\. |\.\.\.$|\$ |In \[)")


def source_files(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """(dotted module, file) of a folder's Python files, tests left out, in order of their paths."""
    files = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED]
        files += [Path(where, name) for name in names if name.endswith(".py")]
    for file in sorted(files):
        yield ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"), file


class Module(NamedTuple):
    """A file as it is, and as it is meant."""

    text: str
    tree: ast.Module


def read_module(file: Path) -> Module | None:
    """Text and syntax tree of a file; None for what is no Python, as templates are."""
    try:
        text = file.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old files have invalid escapes
            return Module(text, ast.parse(text))
    except (SyntaxError, ValueError, OSError):
        return None


def definitions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Classes, functions and methods with their qualified names, those inside functions left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            yield prefix + child.name, child
        if isinstance(child, ast.ClassDef):
            yield from definitions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.If | ast.Try):
            yield from definitions(child, prefix)


def prose(docstring: str) -> str:
    """A docstring in one line, without examples, underlines and markup; titles stay as words."""
    kept: list[str] = []
    is_example = False
    for line in docstring.splitlines():
        if _PROMPT.match(line):
            is_example = True
        elif not line.strip():
            is_example = False
        elif not is_example and not _UNDERLINE.match(line):
            kept.append(_DIRECTIVE.sub("", _FIELD.sub(r"\g<name> ", line.strip())))
    text = _QUOTES.sub(r"\1", _ROLE.sub(r"\1", " ".join(kept)))
    return " ".join(text.split())
