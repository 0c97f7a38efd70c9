"""What an expression reads, and what an assignment to one changes; see ``flow``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from embedworks.corpora.builtin._stdlib_code.places import Places, Span

State = dict[str, frozenset[Span]]  # a name, or attributes joined by dots, to the definitions that reach


class Values:
    """Occurrences in expressions and where their values come from.

    Args:
        places: Where what is shown of the file stands.

    Attributes:
        sources: An occurrence to those that its value comes from.
    """

    def __init__(self, places: Places) -> None:
        self.places = places
        self.sources: dict[Span, set[Span]] = {}
        self._names: dict[Span, str] = {}
        self._defined: set[str] = set()

    def is_local(self, span: Span) -> bool:
        """Whether an occurrence is a name, and no attribute or literal, that is defined somewhere."""
        return self._names.get(span) in self._defined

    def values(self, node: ast.AST | None, state: State) -> list[Span]:
        """Occurrences in an expression, which is read."""
        match node:
            case None:
                return []
            case ast.Name():
                span = self._span(node, node.id)
                if span is not None:
                    self._names[span] = node.id
                return self._occurs(span, state.get(node.id, ()))
            case ast.Constant():
                return self._occurs(self._span(node), ())
            case ast.Attribute():
                base = self.values(node.value, state)
                direct = base[-1:] if path_of(node.value) else base
                return base + self._occurs(self.tail(node, node.attr), state.get(path_of(node), direct))
            case ast.NamedExpr():
                right = self.values(node.value, state)
                return right + self.assign(node.target, right, state)
            case ast.Lambda():
                inner = dict(state)
                return self.parameters(node.args, inner) + self.values(node.body, inner)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, dict(state))
            case ast.JoinedStr():
                held = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
                return [span for value in held for span in self.values(value, state)]
            case _:
                return self.children(node, state)

    def assign(self, target: ast.expr, right: Sequence[Span], state: State) -> list[Span]:
        """Let a target's value come from ``right``; what occurs in it."""
        match target:
            case ast.Name():
                return self.define(target.id, self._span(target, target.id), right, state)
            case ast.Attribute():
                base = self.values(target.value, state)
                return base + self.define(path_of(target), self.tail(target, target.attr), right, state)
            case ast.Subscript():
                # An element is set: the whole comes from what it was and from the element.
                self.values(target.slice, state)
                base = self.values(target.value, state)
                if base and (path := path_of(target.value)):
                    self.define(path, base[-1], right, state)
                return base
            case ast.Tuple() | ast.List():
                return [span for part in target.elts for span in self.assign(part, right, state)]
            case ast.Starred():
                return self.assign(target.value, right, state)
            case _:
                return []

    def define(self, path: str, span: Span | None, right: Iterable[Span], state: State) -> list[Span]:
        for name in [name for name in state if name.startswith(f"{path}.")]:
            del state[name]
        state.pop(path, None)
        if span is not None and path:
            state[path] = frozenset([span])
            if "." not in path:
                self._names[span] = path
                self._defined.add(path)
        return self._occurs(span, right)

    def parameters(self, node: ast.arguments, state: State) -> list[Span]:
        plain = [*node.posonlyargs, *node.args]
        positional = zip(plain[len(plain) - len(node.defaults) :], node.defaults, strict=True)
        named = zip(node.kwonlyargs, node.kw_defaults, strict=True)
        # Defaults are read outside: before any parameter has its name.
        rights = {parameter.arg: self.values(value, state) for parameter, value in (*positional, *named)}
        found = []
        for parameter in (*plain, node.vararg, *node.kwonlyargs, node.kwarg):
            if parameter is not None:
                right = rights.get(parameter.arg, [])
                span = self.places.word(parameter.arg, parameter.lineno, parameter.col_offset)
                found += [*right, *self.define(parameter.arg, span, right, state)]
        return found

    def tail(self, node: ast.expr | ast.pattern | ast.alias, name: str) -> Span | None:
        """Where the name is that a node ends with."""
        line, column = node.end_lineno or 0, node.end_col_offset or 0
        span = self.places.span(line, column - len(name.encode()), line, column)
        return span if span is not None and self.places.text[slice(*span)] == name else None

    def children(self, node: ast.AST | None, state: State) -> list[Span]:
        children = [] if node is None else ast.iter_child_nodes(node)
        return [span for child in children for span in self.values(child, state)]

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, state: State
    ) -> list[Span]:
        found = []
        for part in node.generators:
            right = self.values(part.iter, state)
            found += right + self.assign(part.target, right, state)
            found += [span for test in part.ifs for span in self.values(test, state)]
        parts = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        return found + [span for part in parts for span in self.values(part, state)]

    def _occurs(self, span: Span | None, sources: Iterable[Span]) -> list[Span]:
        if span is None:
            return []
        self.sources.setdefault(span, set()).update(sources)
        return [span]

    def _span(self, node: ast.expr, name: str | None = None) -> Span | None:
        """Where an expression is. Within f-strings Python tells wrong places: then it is nowhere."""
        end = node.end_lineno or 0, node.end_col_offset or 0
        span = self.places.span(node.lineno, node.col_offset, *end)
        wrong = span is not None and name is not None and self.places.text[slice(*span)] != name
        return None if wrong else span


def path_of(node: ast.AST) -> str:
    """``self.file.name`` for a chain of attributes on a name; empty for anything else."""
    if isinstance(node, ast.Attribute):
        base = path_of(node.value)
        return base and f"{base}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
