"""What the readers of lines share: decompression, and rows of Python values as typed tables."""

from __future__ import annotations

import io
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.fs as pafs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from embedworks.errors import InputError

TABLE_ROWS = 4096
TABLE_BYTES = 8 << 20
FIRST_ROWS, FIRST_BYTES = 1024, 1 << 20  # a plan reads the first table of every file

Row = dict[str, Any]


class ReaderOptions(BaseModel):
    """A reader's options; none unless it adds some."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _read_types(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = [part.partition(":") for part in value.split(",") if part]
    return {name.strip(): kind.strip() for name, _, kind in pairs}


Types = Annotated[dict[str, str], BeforeValidator(_read_types)]


class TypedOptions(ReaderOptions):
    """Options of formats that do not name their types."""

    types: Types = Field(default_factory=dict, description="column:Arrow type, with commas between")

    def arrow_types(self) -> dict[str, pa.DataType]:
        """column -> Arrow type.

        Raises:
            InputError: for a type that Arrow does not know.
        """
        found = {}
        for column, kind in self.types.items():
            try:
                found[column] = pa.type_for_alias(kind)
            except ValueError as error:
                what = f"column {column!r} cannot be of type {kind!r}"
                raise InputError(
                    what, expected="an Arrow type such as string, int64, double, bool"
                ) from error
        return found


def opened(file: str, filesystem: pafs.FileSystem) -> io.BufferedReader:
    """A file as a stream, decompressed where its extension says so."""
    stream = filesystem.open_input_stream(file, compression="detect")
    return io.BufferedReader(stream, 1 << 20)


def opened_text(file: str, filesystem: pafs.FileSystem) -> io.BufferedReader:
    """A file of UTF-8 as a stream of bytes, without the mark that some editors put before it."""
    stream = opened(file, filesystem)
    if stream.peek(len(BOM_UTF8)).startswith(BOM_UTF8):
        stream.read(len(BOM_UTF8))
    return stream


def numbered_chunks(lines: Iterator[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    """Lines with their numbers from 1, in chunks that bound rows and bytes."""
    chunk: list[tuple[int, bytes]] = []
    size, most_rows, most_bytes = 0, FIRST_ROWS, FIRST_BYTES
    for number, line in enumerate(lines, 1):
        chunk.append((number, line))
        size += len(line)
        if len(chunk) >= most_rows or size >= most_bytes:
            yield chunk
            chunk, size, most_rows, most_bytes = [], 0, TABLE_ROWS, TABLE_BYTES
    if chunk:
        yield chunk


def to_table(rows: Sequence[Row], places: Sequence[str], types: dict[str, pa.DataType]) -> pa.Table:
    """Rows to a table with every key that occurs or has a type; a value that is not there is null.

    Args:
        rows: Python values.
        places: Where each row stands, for messages.
        types: Types that the user named.

    Raises:
        InputError: where a column's values are of different types, naming the row that breaks it.
    """
    names = dict.fromkeys([*(name for row in rows for name in row), *types])
    arrays = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            arrays[name] = pa.array(values, type=types.get(name))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            index = _first_misfit(values, types.get(name))
            value = str(values[index])[:60]
            raise InputError(
                f"column {name!r} has {value!r}, which does not fit the rows before it: {error}",
                where=places[index],
            ) from error
    return pa.table(arrays)


def _first_misfit(values: Sequence[Any], kind: pa.DataType | None) -> int:
    """The least number of leading values that Arrow refuses, less one."""
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            pa.array(values[:middle], type=kind)
            low = middle
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            high = middle
    return high - 1
