"""YAML text to plain data, remembering the line that every key stands on.

Scalars are read by YAML 1.2's core rules, as editors and JSON Schema do: ``1e-4`` is a number, ``no``
and ``on`` are text, ``010`` is not eight. Keys are always text. A key that is given twice is refused.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from embedworks.errors import InputError, KeyPath, dotted, first_line

NODE_BUDGET = 100_000  # aliases of aliases can stand for far more nodes than the file has bytes
MERGE_TAG = "tag:yaml.org,2002:merge"
_CORE = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(0|[1-9][0-9_]*)", list("-+0123456789")),
    "float": (
        r"[-+]?(([0-9][0-9_]*\.[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+)"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": (r"<<", ["<"]),
}


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


for _tag, (_pattern, _first) in _CORE.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), _first)


@dataclass(frozen=True)
class SourceMap:
    """Where each value of a job came from.

    Attributes:
        file: The file, as the user named it.
        lines: Key path -> line, counted from 1.
        overrides: Key path -> the ``--set`` argument that set it.
    """

    file: str
    lines: Mapping[KeyPath, int]
    overrides: Mapping[KeyPath, str]

    def locate(self, path: KeyPath) -> str:
        """``file:line`` of the key, or of the closest block round it; ``--set ...`` if that set it."""
        for size in range(len(path), -1, -1):
            if path[:size] in self.overrides:
                return f"--set {self.overrides[path[:size]]}"
            if path[:size] in self.lines:
                return f"{self.file}:{self.lines[path[:size]]}"
        return self.file

    def line(self, path: KeyPath) -> int:
        """The line of the key or of the closest block round it; 0 if ``--set`` set it."""
        known = self.lines.keys() | self.overrides.keys()
        nearest = next((path[:size] for size in range(len(path), -1, -1) if path[:size] in known), ())
        return 0 if nearest in self.overrides else self.lines.get(nearest, 0)

    def overridden(self, path: KeyPath, argument: str) -> SourceMap:
        """This map after ``--set argument`` replaced all that stood at ``path``."""
        lines = {key: line for key, line in self.lines.items() if key[: len(path)] != path}
        kept = {key: text for key, text in self.overrides.items() if key[: len(path)] != path}
        return replace(self, lines=lines, overrides={**kept, path: argument})

    def moved(self, path: KeyPath, kept: Sequence[int]) -> SourceMap:
        """This map after the list at ``path`` kept only the items at these places."""
        at = len(path)

        def move(places: Mapping[KeyPath, Any]) -> dict[KeyPath, Any]:
            found: dict[KeyPath, Any] = {}
            for key, value in places.items():
                if key[:at] != path or len(key) == at:
                    found[key] = value
                elif key[at] in kept:
                    found[(*path, kept.index(int(key[at])), *key[at + 1 :])] = value
            return found

        return replace(self, lines=move(self.lines), overrides=move(self.overrides))

    @contextlib.contextmanager
    def blame(self, path: KeyPath) -> Iterator[None]:
        """Let an InputError that is raised inside name the key and its line.

        Example:
            >>> with loaded.source.blame(("stages", 0, "system")):    # doctest: +SKIP
            ...     find_objective(stage.system)
        """
        try:
            yield
        except InputError as error:
            if error.where:
                raise
            raise InputError(f"{dotted(path)}: {error}", where=self.locate(path)) from error


def read_yaml(text: str, file: str) -> tuple[Any, SourceMap]:
    """Parse YAML.

    Args:
        text: The document.
        file: What to call it in messages.

    Raises:
        InputError: for a syntax error, an unknown tag, a key given twice or a document too large.
    """
    builder = _Builder(file)
    try:
        node = _Loader(text).get_single_node()
        data = None if node is None else builder.build(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise InputError(f"not YAML: {what}", where=f"{file}:{mark.line + 1}" if mark else file) from error
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {first_line(error)}", where=file) from error
    except RecursionError as error:
        raise InputError("the YAML contains itself or is nested too deeply", where=file) from error
    return data, SourceMap(file, builder.lines, {})


class _Builder:
    """Nodes to values. A node that two aliases share becomes two values, so that each can be set."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self._constructor = yaml.constructor.SafeConstructor()
        self._budget = NODE_BUDGET

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self._budget -= 1
        if self._budget < 0:
            raise InputError("the YAML stands for too much data", where=self._at(node))
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode) and node.tag.endswith(":map"):
            return {key: self._entry(pair, (*path, key)) for key, pair in self._pairs(node).items()}
        if isinstance(node, yaml.SequenceNode) and node.tag.endswith(":seq"):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        try:
            return self._constructor.construct_object(node, deep=True)
        except ValueError as error:
            raise InputError(f"not YAML: {error}", where=self._at(node)) from error

    def _entry(self, pair: tuple[yaml.Node, yaml.Node], path: KeyPath) -> Any:
        key, value = pair
        self.lines[path] = key.start_mark.line + 1
        return self.build(value, path)

    def _pairs(self, node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """A mapping's entries by key; those of ``<<`` give way to its own."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in self._mapping(node):
            if key.tag == MERGE_TAG:
                for parent in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    merged = self._pairs(parent) | merged
            elif not isinstance(key, yaml.ScalarNode):
                raise InputError("a key is a block", where=self._at(key), expected="one word")
            elif key.value in own:
                first = own[key.value][0].start_mark.line + 1
                raise InputError(
                    f"key {key.value!r} is given twice, first on line {first}", where=self._at(key)
                )
            else:
                own[key.value] = (key, value)
        return merged | own

    def _mapping(self, node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise InputError(
                "`<<` takes in something else", where=self._at(node), expected="a block of keys"
            )
        return node.value  # type: ignore[no-any-return]  # the stubs leave it open

    def _at(self, node: yaml.Node) -> str:
        return f"{self.file}:{node.start_mark.line + 1}"
