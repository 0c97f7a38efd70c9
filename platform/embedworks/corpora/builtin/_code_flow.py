"""The data flow of a function: where each variable's value comes from (GraphCodeBERT, arXiv 2009.08366).

Nodes are occurrences of names, attributes and literals. An edge leads from an occurrence to those its
value comes from: a read, to the definitions of its name that reach it; what is assigned to, to everything
on the right side; an attribute that was not assigned to before, to its object. Branches start from one
state and are united, with the state before them where none need be taken; bodies of loops are gone
through twice, so that what one round leaves reaches the next. ``return`` and its like do not end a flow.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from embedworks.corpora.builtin._code_places import Places, Span

Function = ast.FunctionDef | ast.AsyncFunctionDef
State = dict[str, frozenset[Span]]  # a name, or attributes joined by dots, to the definitions that reach


@dataclass(frozen=True)
class Variable:
    """An occurrence.

    Attributes:
        span: Its characters.
        sources: Numbers of the occurrences that its value comes from, ascending; never its own.
    """

    span: Span
    sources: tuple[int, ...]


def data_flow(function: Function, places: Places) -> list[Variable]:
    """Occurrences in the order of the text, those left out that have no source and are none.

    Args:
        function: With the positions of its file.
        places: What is shown of that file; what is not shown does not occur.
    """
    flow = _Flow(places)
    flow.function(function, {})
    sources = {span: found - {span} for span, found in flow.sources.items()}
    used = set().union(*sources.values())
    kept = sorted(span for span, found in sources.items() if found or span in used)
    number = {span: index for index, span in enumerate(kept)}
    return [Variable(span, tuple(sorted(number[source] for source in sources[span]))) for span in kept]


class _Flow:
    def __init__(self, places: Places) -> None:
        self.places = places
        self.sources: dict[Span, set[Span]] = {}

    def function(self, node: Function | ast.Lambda, state: State) -> list[Span]:
        """Parameters, whose values come from their defaults, and the body; what occurs in a lambda."""
        found = self._parameters(node.args, state)
        if isinstance(node, ast.Lambda):
            return found + self.values(node.body, state)
        self.block(node.body, state)
        return found

    def _parameters(self, node: ast.arguments, state: State) -> list[Span]:
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
                found += [*right, *self._define(parameter.arg, span, right, state)]
        return found

    def block(self, statements: Iterable[ast.stmt], state: State) -> None:
        """Statements in order; ``state`` is changed to what they leave."""
        for statement in statements:
            self.statement(statement, state)

    def statement(self, node: ast.stmt, state: State) -> None:
        """One statement, with all that is inside."""
        match node:
            case ast.Assign():
                for target in node.targets:
                    self._assign_value(target, node.value, state)
            case ast.AnnAssign():
                if node.value is not None:
                    self._assign_value(node.target, node.value, state)
            case ast.AugAssign():
                before = state.get(_path(node.target), frozenset())
                self.assign(node.target, [*self.values(node.value, state), *before], state)
            case ast.If():
                self.values(node.test, state)
                self._branches([node.body, node.orelse], state)
            case ast.While() | ast.For() | ast.AsyncFor():
                self._loop(node, state)
            case ast.Try() | ast.TryStar():
                self._try(node, state)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    right = self.values(item.context_expr, state)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, right, state)
                self.block(node.body, state)
            case ast.Match():
                self._match(node, state)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._nested(node, state)
            case ast.Import() | ast.ImportFrom():
                self._import(node, state)
            case _:
                self._children(node, state)

    def values(self, node: ast.AST | None, state: State) -> list[Span]:
        """Occurrences in an expression, which is read."""
        match node:
            case None:
                return []
            case ast.Name():
                return self._occurs(self._span(node, node.id), state.get(node.id, ()))
            case ast.Constant():
                return self._occurs(self._span(node), ())
            case ast.Attribute():
                base = self.values(node.value, state)
                direct = base[-1:] if _path(node.value) else base
                return base + self._occurs(self._attribute(node), state.get(_path(node), direct))
            case ast.NamedExpr():
                right = self.values(node.value, state)
                return right + self.assign(node.target, right, state)
            case ast.Lambda():
                return self.function(node, dict(state))
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, dict(state))
            case ast.JoinedStr():
                held = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
                return [span for value in held for span in self.values(value, state)]
            case _:
                return self._children(node, state)

    def assign(self, target: ast.expr, right: Sequence[Span], state: State) -> list[Span]:
        """Let a target's value come from ``right``; what occurs in it."""
        match target:
            case ast.Name():
                return self._define(target.id, self._span(target, target.id), right, state)
            case ast.Attribute():
                base = self.values(target.value, state)
                return base + self._define(_path(target), self._attribute(target), right, state)
            case ast.Subscript():
                # An element is set: the whole comes from what it was and from the element.
                self.values(target.slice, state)
                base = self.values(target.value, state)
                if base and (path := _path(target.value)):
                    self._define(path, base[-1], right, state)
                return base
            case ast.Tuple() | ast.List():
                return [span for part in target.elts for span in self.assign(part, right, state)]
            case ast.Starred():
                return self.assign(target.value, right, state)
            case _:
                return []

    def _assign_value(self, target: ast.expr, value: ast.expr, state: State) -> None:
        """An assignment, part by part where both sides are tuples of one length."""
        parts = _parts(target, value)
        rights = [(part, self.values(source, state)) for part, source in parts]
        for part, right in rights:
            self.assign(part, right, state)

    def _loop(self, node: ast.While | ast.For | ast.AsyncFor, state: State) -> None:
        right = [] if isinstance(node, ast.While) else self.values(node.iter, state)
        for _ in range(2):
            before = dict(state)
            if isinstance(node, ast.While):
                self.values(node.test, state)
            else:
                self.assign(node.target, right, state)
            self.block(node.body, state)
            _unite(state, [before])
        self.block(node.orelse, state)

    def _branches(self, bodies: Iterable[Iterable[ast.stmt]], state: State) -> None:
        ends = []
        for body in bodies:
            ends.append(dict(state))
            self.block(body, ends[-1])
        state.clear()
        _unite(state, ends)

    def _try(self, node: ast.Try | ast.TryStar, state: State) -> None:
        before = dict(state)
        self.block(node.body, state)
        failed = dict(state)
        _unite(failed, [before])
        self.block(node.orelse, state)
        ends = []
        for handler in node.handlers:
            ends.append(dict(failed))
            right = self.values(handler.type, ends[-1])
            if handler.name is not None and handler.type is not None:
                place = handler.type.end_lineno or 0, handler.type.end_col_offset or 0
                self._define(handler.name, self.places.word(handler.name, *place), right, ends[-1])
            self.block(handler.body, ends[-1])
        _unite(state, ends)
        self.block(node.finalbody, state)

    def _match(self, node: ast.Match, state: State) -> None:
        right = self.values(node.subject, state)
        ends = [dict(state)]
        for case in node.cases:
            ends.append(dict(state))
            for pattern in ast.walk(case.pattern):
                if isinstance(pattern, ast.MatchAs | ast.MatchStar) and pattern.name:
                    self._define(pattern.name, self._tail(pattern, pattern.name), right, ends[-1])
            self.values(case.guard, ends[-1])
            self.block(case.body, ends[-1])
        _unite(state, ends)

    def _nested(self, node: Function | ast.ClassDef, state: State) -> None:
        """A function or class inside: it sees what is defined here, and defines its name."""
        if isinstance(node, ast.ClassDef):
            right = [span for base in node.bases for span in self.values(base, state)]
            self.block(node.body, dict(state))
        else:
            right = []
            self.function(node, dict(state))
        self._define(node.name, self.places.word(node.name, node.lineno, node.col_offset), right, state)

    def _import(self, node: ast.Import | ast.ImportFrom, state: State) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            span = self._tail(alias, name) if alias.asname else self._head(alias, name)
            self._define(name, span, (), state)

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

    def _children(self, node: ast.AST | None, state: State) -> list[Span]:
        children = [] if node is None else ast.iter_child_nodes(node)
        return [span for child in children for span in self.values(child, state)]

    def _occurs(self, span: Span | None, sources: Iterable[Span]) -> list[Span]:
        if span is None:
            return []
        self.sources.setdefault(span, set()).update(sources)
        return [span]

    def _define(self, path: str, span: Span | None, right: Iterable[Span], state: State) -> list[Span]:
        for name in [name for name in state if name.startswith(f"{path}.")]:
            del state[name]
        state.pop(path, None)
        if span is not None and path:
            state[path] = frozenset([span])
        return self._occurs(span, right)

    def _span(self, node: ast.expr, name: str | None = None) -> Span | None:
        """Where an expression is. Within f-strings Python tells wrong places: then it is nowhere."""
        end = node.end_lineno or 0, node.end_col_offset or 0
        span = self.places.span(node.lineno, node.col_offset, *end)
        wrong = span is not None and name is not None and self.places.text[slice(*span)] != name
        return None if wrong else span

    def _attribute(self, node: ast.Attribute) -> Span | None:
        return self._tail(node, node.attr)

    def _head(self, node: ast.alias, name: str) -> Span | None:
        return self.places.word(name, node.lineno, node.col_offset)

    def _tail(self, node: ast.expr | ast.pattern | ast.alias, name: str) -> Span | None:
        """Where the name is that a node ends with."""
        line, column = node.end_lineno or 0, node.end_col_offset or 0
        span = self.places.span(line, column - len(name.encode()), line, column)
        return span if span is not None and self.places.text[slice(*span)] == name else None


def _path(node: ast.AST) -> str:
    """``self.file.name`` for a chain of attributes on a name; empty for anything else."""
    if isinstance(node, ast.Attribute):
        base = _path(node.value)
        return base and f"{base}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _parts(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        starred = any(isinstance(part, ast.Starred) for part in (*target.elts, *value.elts))
        if len(target.elts) == len(value.elts) and not starred:
            return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def _unite(state: State, others: Iterable[State]) -> None:
    """Let what reaches the end of any of ``others`` reach ``state``."""
    for other in others:
        for name, definitions in other.items():
            state[name] = state.get(name, frozenset()) | definitions
