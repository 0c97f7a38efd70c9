"""JSON lines: an object a line. Its keys are columns; ISO dates stay text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.fs as pafs

from embedworks.corpora.readers._rows import TypedOptions, numbered_chunks, opened_text, to_table
from embedworks.errors import InputError

EXTENSIONS = (".jsonl", ".ndjson")
Options = TypedOptions
EXACT = 2.0**63


def tables(file: str, filesystem: pafs.FileSystem, options: TypedOptions) -> Iterator[pa.Table]:
    """A table every few thousand lines; blank lines are passed over.

    Raises:
        InputError: naming the line that is not a JSON object with keys or does not fit the others.
    """
    types = options.arrow_types()
    with opened_text(file, filesystem) as stream:
        for chunk in numbered_chunks(iter(stream)):
            kept = [(number, line) for number, line in chunk if line.strip()]
            rows = [_parse(line, f"{file}:{number}") for number, line in kept]
            if rows:
                yield to_table(rows, [f"{file}:{number}" for number, _ in kept], types)


def _parse(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputError(f"not JSON: {error}", where=where) from error
    if not isinstance(row, dict):
        raise InputError(
            f"{type(row).__name__} {str(row)[:40]!r} in a line", where=where, expected="an object"
        )
    if not row:  # a table of no columns would have no rows
        raise InputError("an object without keys", where=where, expected="a row, or a blank line")
    exact: dict[str, Any] = row
    if any(type(value) is float and abs(value) >= EXACT for value in row.values()):
        exact = json.loads(line)  # orjson rounds whole numbers of more than 64 bits; Arrow refuses them
    return exact
