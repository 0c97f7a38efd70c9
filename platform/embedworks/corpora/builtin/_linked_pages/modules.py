"""The modules of the standard library: what they import and refer to are their links."""

from __future__ import annotations

import ast
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from embedworks.corpora.builtin._linked_pages.page import Page
from embedworks.corpora.builtin._python_source import (
    definitions,
    prose,
    read_module,
    source_files,
)

ROLE = re.compile(r":(?:py:)?(?:mod|class|func|meth|exc|data|attr):`[~!.]*([\w.]+)`")
SHORTEST = 40  # characters of a docstring that is a section


def module_pages() -> Iterator[Page]:
    """The module's docstring, or the first one in it, then those of classes and functions."""
    library = Path(sysconfig.get_path("stdlib"))
    for name, file in source_files(library, library):
        module = read_module(file)
        if module is None:
            continue
        tree = module.tree
        texts = [ast.get_docstring(tree) or ""]
        texts += [ast.get_docstring(node) or "" for _, node in definitions(tree)]
        sections = [text for text in map(prose, texts) if len(text) >= SHORTEST]
        if sections:
            yield Page.of(name, dict.fromkeys(sections), [*_imports(tree, name), *_roles(texts)])


def _imports(tree: ast.Module, name: str) -> Iterator[str]:
    package = name.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: -node.level] if node.level else []
            parts = [*above, *(node.module or "").split(".")]
            base = ".".join(filter(None, parts))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)  # a module of a package


def _roles(texts: list[str]) -> Iterator[str]:
    for text in texts:
        for target in ROLE.findall(text):
            yield target
            yield target.rpartition(".")[0]
