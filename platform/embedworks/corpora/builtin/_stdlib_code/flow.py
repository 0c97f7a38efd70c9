"""The data flow of a function: where each variable's value comes from (GraphCodeBERT, arXiv 2009.08366).

Nodes are occurrences of names, attributes and literals. An edge leads from an occurrence to those its
value comes from: a read, to the definitions of its name that reach it; what is assigned to, to everything
on the right side; an attribute that was not assigned to before, to its object. Branches start from one
state and are united, with the state before them where none need be taken; bodies of loops are gone
through twice, so that what one round leaves reaches the next. ``return`` and its like do not end a flow.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from embedworks.corpora.builtin._stdlib_code.places import Places, Span
from embedworks.corpora.builtin._stdlib_code.values import State, Values, path_of

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Variable:
    """An occurrence.

    Attributes:
        span: Its characters.
        local: Whether it is a name that the function defines, so that it can be given another one.
        sources: Numbers of the occurrences that its value comes from, ascending; never its own.
    """

    span: Span
    local: bool
    sources: tuple[int, ...]


def data_flow(function: Function, places: Places) -> list[Variable]:
    """Occurrences in the order of the text, those left out that have no source and are none.

    Args:
        function: With the positions of its file.
        places: What is shown of that file; what is not shown does not occur.
    """
    flow = _Flow(places)
    state: State = {}
    flow.parameters(function.args, state)
    flow.block(function.body, state)
    sources = {span: found - {span} for span, found in flow.sources.items()}
    used = set().union(*sources.values())
    kept = sorted(span for span, found in sources.items() if found or span in used)
    number = {span: index for index, span in enumerate(kept)}
    return [
        Variable(span, flow.is_local(span), tuple(sorted(number[source] for source in sources[span])))
        for span in kept
    ]


class _Flow(Values):
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
                before = state.get(path_of(node.target), frozenset())
                found = self.assign(node.target, [*self.values(node.value, state), *before], state)
                if found and isinstance(node.target, ast.Attribute) and not before:
                    self.sources[found[-1]].update(found[-2:-1])  # what it was comes from its object
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
                self.children(node, state)

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
                self.define(handler.name, self.places.word(handler.name, *place), right, ends[-1])
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
                    self.define(pattern.name, self.tail(pattern, pattern.name), right, ends[-1])
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
            inner = dict(state)
            self.parameters(node.args, inner)
            self.block(node.body, inner)
        self.define(node.name, self.places.word(node.name, node.lineno, node.col_offset), right, state)

    def _import(self, node: ast.Import | ast.ImportFrom, state: State) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            first = self.places.word(name, alias.lineno, alias.col_offset)
            self.define(name, self.tail(alias, name) if alias.asname else first, (), state)


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
