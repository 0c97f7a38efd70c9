"""``stdlib-code``: what a docstring of Python's standard library says, with the code it describes.

The source is the running Python's own library, parsed and never imported. Tests are left out, and so is
what is made of tables rather than of functions.
"""

from __future__ import annotations

import ast
import platform
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from embedworks.corpora.builtin._python_source import definitions, read_module, source_files
from embedworks.corpora.builtin._stdlib_code.flow import Function, data_flow
from embedworks.corpora.builtin._stdlib_code.places import Places, Span, comments
from embedworks.corpora.recipe import RecipeOptions, Row, Rows
from embedworks.corpora.splitting import held_out
from embedworks.errors import InputError

NAME = "stdlib-code"
DESCRIPTION = "First sentences of docstrings in Python's standard library, each with its function's code."
LICENCE = "PSF-2.0"
SPLIT_RULE = (
    "by top-level module (a C module's Python twin counts as one with it): modules are held out in hash "
    "order until about 25 % of the rows are in test"
)
TEST_SHARE = 0.25
SPAN = [("start", pa.int32()), ("end", pa.int32())]
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("query", "positive", "name", "module", "id")]
    + [
        (
            "variables",
            pa.list_(pa.struct([*SPAN, ("local", pa.bool_()), ("sources", pa.list_(pa.int32()))])),
        ),
        ("comments", pa.list_(pa.struct(SPAN))),
    ]
)
COLUMNS = {
    "query": "the docstring's first paragraph, or its first sentence where that is long",
    "positive": "the function's source without decorators and docstring",
    "name": "the function's qualified name",
    "module": "the module it is in",
    "id": "module, name and line",
    "variables": "names, attributes and literals in order, as characters of positive from start to end, "
    "which is exclusive; local: whether it is a name that the function defines; sources: numbers of the "
    "variables that its value comes from",
    "comments": "comments of positive, as its characters from start to end",
}
SERVES = ("graphcodebert", "self-positioning", "starbucks", "deberta-v3", "ul2", "sltrain", "zett")

QUERY_LENGTH = range(20, 301)  # characters
MIN_BODY_LINES = 3
MAX_CODE = 1200  # characters; longer functions are cut after a whole line

Options = RecipeOptions


def source(options: RecipeOptions) -> str:  # noqa: ARG001
    """Where the code comes from."""
    return f"standard library of Python {platform.python_version()}"


def rows(options: RecipeOptions) -> Rows:
    """Both splits.

    Raises:
        InputError: if this Python came without its library's source.
    """
    library = Path(sysconfig.get_path("stdlib"))
    files = source_files(library, library)
    found = _distinct([row for module, file in files for row in _functions(module, file)])
    if not found:
        raise InputError(f"no Python source in {library}", expected="a Python with its library's source")
    test = held_out(Counter(_family(row["module"]) for row in found), TEST_SHARE, options.seed)
    return {
        "train": (row for row in found if _family(row["module"]) not in test),
        "test": (row for row in found if _family(row["module"]) in test),
    }


def _functions(module: str, file: Path) -> Iterator[Row]:
    """Rows of one file, in the order of its functions."""
    source = read_module(file)
    if source is None:
        return
    lines = source.text.splitlines()
    for name, function in definitions(source.tree):
        if not isinstance(function, Function):
            continue
        query = _query(function)
        code = _code(function, lines) if query else None
        if query and code and query not in code.text:
            where = f"{module}:{name}:{function.lineno}"
            row = {"query": query, "positive": code.text, "name": name, "module": module, "id": where}
            yield row | _flow(function, code)


def _query(function: Function) -> str | None:
    """The docstring's first paragraph in one line, or its first sentence where that is too long."""
    paragraphs = (ast.get_docstring(function) or "").split("\n\n")
    # A first paragraph that only repeats the signature says nothing.
    words = [" ".join(part.split()) for part in paragraphs if not re.match(r"[\w.]+\(.*\)", part)]
    if not words:
        return None
    whole = words[0]
    if len(whole) not in QUERY_LENGTH:
        whole = re.split(r"(?<=[.!?])\s+(?=[A-Z])", whole)[0]
    return whole if len(whole) in QUERY_LENGTH else None


def _code(function: Function, lines: list[str]) -> Places | None:
    """The function's source without decorators and docstring."""
    docstring = function.body[0]
    if function.lineno == docstring.lineno or docstring.end_lineno is None or len(function.body) < 2:
        return None
    head = list(range(function.lineno, docstring.lineno))
    after = range(docstring.end_lineno + 1, (function.end_lineno or 0) + 1)
    body = [number for number in after if lines[number - 1].strip()]
    if len(body) < MIN_BODY_LINES:
        return None
    shown = head + body
    while len((code := Places(lines, shown, function.col_offset)).text) > MAX_CODE:
        shown.pop()
    return code


def _flow(function: Function, code: Places) -> Row:
    variables = data_flow(function, code)
    return {
        "variables": [
            _span(variable.span) | {"local": variable.local, "sources": list(variable.sources)}
            for variable in variables
        ],
        "comments": [_span(span) for span in comments(code.text)],
    }


def _span(span: Span) -> Row:
    return {"start": span[0], "end": span[1]}


def _distinct(rows: list[Row]) -> list[Row]:
    """Every piece of code once; and no query that stands for several pieces of code."""
    by_code: dict[str, Row] = {}
    for row in rows:
        by_code.setdefault(row["positive"], row)
    count = Counter(row["query"].lower() for row in by_code.values())
    return [row for row in by_code.values() if count[row["query"].lower()] == 1]


def _family(module: str) -> str:
    """The top-level module, with ``_pyio`` counted as ``io`` and ``_strptime`` as ``strptime``."""
    return module.partition(".")[0].removeprefix("_py").lstrip("_")
