"""``docstring-questions``: what a docstring says first, with the function that the rest of it is about.

In the form of ReQA (Ahmad et al., 2019): an answer is a sentence, here the signature, and the passage that
it stands in, here the docstring's remaining text. Functions are those of numpy, pandas, scikit-learn and
scipy, parsed and never imported; no page of ``linked-pages`` has a docstring of these.

What it holds depends on the versions that are installed; ``source`` names them.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pydantic import Field

from embedworks.corpora.builtin._python_source import (
    definitions,
    prose,
    read_module,
    source_files,
)
from embedworks.corpora.recipe import RecipeOptions, Row, Rows, versions
from embedworks.corpora.splitting import hash_order
from embedworks.errors import InputError

NAME = "docstring-questions"
DESCRIPTION = "First sentences of docstrings with their functions' names masked, and what follows them."
LICENCE = "BSD-3-Clause"
SPLIT_RULE = (
    "by module, in hash order: the first `labelled` of the rows are for training and, a tenth of them, for "
    "validation; other modules are in test, and what is left of the last labelled module is unused. A "
    "smaller `labelled` is part of a larger one, and its test split holds that of the larger one"
)
SERVES = ("retrieval-pretraining",)
COLUMNS = {
    "query": "the docstring's first sentence, with ~ for the function's name",
    "positive": "title and passage, with BERT's [SEP] between them: a candidate answer",
    "title": "the signature: the function's qualified name and its parameters",
    "passage": "what follows the first sentence, without examples",
    "module": "the module it is in",
    "id": "module, name and line",
}
SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])

LIBRARIES = {"numpy": "numpy", "pandas": "pandas", "scikit-learn": "sklearn", "scipy": "scipy"}
QUERY = range(20, 201)  # characters
PASSAGE = 80  # characters at least
WORDS = 200  # of a passage at most
VALIDATION = 0.1
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z(])")
LISTED = re.compile(r"(?:Options|Parameters|Returns|Notes|Attributes|versionadded)\b")  # says nothing first


class Options(RecipeOptions):
    """What a user may set of the questions."""

    labelled: float = Field(
        default=0.8, gt=0, lt=1, description="share of the pairs that are not for testing: 0.01, 0.05, 0.8"
    )
    functions: int = Field(
        default=8_000, ge=100, description="most docstrings to read, whole modules in hash order"
    )


def source(options: RecipeOptions) -> str:  # noqa: ARG001
    """Versions of the libraries."""
    return versions(*LIBRARIES, extra="embedworks")


def rows(options: Options) -> Rows:
    """train, validation, test and unused.

    Raises:
        InputError: if a library is not installed.
    """
    files = dict(found for package in LIBRARIES.values() for found in _modules(package))
    read: list[Row] = []
    for module in hash_order(files, options.seed):
        own = list(_functions(module, files[module]))
        if len(read) + len(own) > options.functions:
            break
        read += own
    by_module: dict[str, list[Row]] = {}
    for row in _distinct(read):
        by_module.setdefault(row["module"], []).append(row)
    return _split(by_module, options)


def _split(modules: dict[str, list[Row]], options: Options) -> Rows:
    """Rows of the first modules are labelled; the rest of the last of these is in `unused`."""
    wanted = round(options.labelled * sum(map(len, modules.values())))
    labelled: list[Row] = []
    used: list[str] = []
    for name, own in modules.items():
        if len(labelled) < wanted:
            used.append(name)
            labelled += own
    labelled, unused = labelled[:wanted], labelled[wanted:]
    ids = [row["id"] for row in labelled]
    held = set(hash_order(ids, options.seed)[: round(VALIDATION * len(ids))])
    splits = {
        "train": [row for row in labelled if row["id"] not in held],
        "validation": [row for row in labelled if row["id"] in held],
        "test": [row for name, own in modules.items() if name not in used for row in own],
        "unused": unused,
    }
    return {name: own for name, own in splits.items() if own}


def _modules(package: str) -> Iterator[tuple[str, Path]]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise InputError(f"{package} is not installed, which this corpus is made from", expected=package)
    folder = Path(spec.origin).parent
    return source_files(folder, folder.parent)


def _functions(module: str, file: Path) -> Iterator[Row]:
    found = read_module(file)
    for name, node in definitions(found.tree) if found else ():
        if not isinstance(node, ast.ClassDef) and (row := _row(name, node)):
            yield row | {"module": module, "id": f"{module}:{name}:{node.lineno}"}


def _row(name: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Row | None:
    first, _, rest = (ast.get_docstring(node) or "").partition("\n\n")
    sentence, *more = SENTENCE.split(prose(first), maxsplit=1)
    passage = " ".join([*more, prose(rest)]).split()
    text = " ".join(passage[:WORDS])
    if len(sentence) not in QUERY or len(text) < PASSAGE or LISTED.match(sentence):
        return None
    query = re.sub(rf"\b{re.escape(node.name)}\b", "~", sentence)
    if query.lower() in text.lower():
        return None
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    shown = [argument.arg for argument in arguments if argument.arg not in ("self", "cls")]
    title = f"{name}({', '.join(shown)})"
    return {"query": query, "positive": f"{title} [SEP] {text}", "title": title, "passage": text}


def _distinct(rows: list[Row]) -> list[Row]:
    """Every passage once; and no question that stands for several."""
    by_passage: dict[str, Row] = {}
    for row in rows:
        by_passage.setdefault(row["passage"], row)
    count = Counter(row["query"].lower() for row in by_passage.values())
    return [row for row in by_passage.values() if count[row["query"].lower()] == 1]
