"""A part of a build whose rows are read from files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from embedworks.corpora.build_options import BuildOptions, Layout, unify
from embedworks.corpora.duplicates import row_digests
from embedworks.corpora.listing import SourceFile
from embedworks.corpora.readers import read_options, read_tables
from embedworks.corpora.shares import split_of
from embedworks.errors import InputError


@dataclass(frozen=True)
class SourcePart:
    """Consecutive files of a source: everything that fixes the bytes of their shards.

    Attributes:
        index: Its place among the parts, in the names of its shards.
        identity: Changes with its files, its options or the versions that write it.
    """

    index: int
    identity: str
    files: tuple[SourceFile, ...]
    format: str
    options: BuildOptions
    layout: Layout

    @property
    def schema(self) -> pa.Schema:
        """Of every table."""
        return self.layout.schema

    @property
    def shard_rows(self) -> int:
        """Rows of a full shard."""
        return self.options.shard_rows

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """(split, rows), file by file.

        Raises:
            InputError: naming the file, and where known the line, that cannot be read or does not fit.
        """
        for file in self.files:
            yield from _rows(self, file)


def _rows(part: SourcePart, file: SourceFile) -> Iterator[tuple[str, pa.Table]]:
    """(split, rows) of one file, in order."""
    options = part.options
    parsed = read_options(part.format, options.options)
    start = 0
    for table in read_tables(file, part.format, parsed):
        where = f"{file.place}, rows {start} to {start + table.num_rows - 1}"
        shaped = shape(table, part.layout, where)
        start += table.num_rows
        if not options.splits:
            yield file.split, shaped
            continue
        values = _split_values(table, shaped, part, where)
        names = split_of(values, options.splits, options.seed)
        for split in ("train", *options.splits):
            if (chosen := names == split).any():
                yield split, shaped.filter(pa.array(chosen))


def _split_values(table: pa.Table, shaped: pa.Table, part: SourcePart, where: str) -> pa.ChunkedArray:
    by = part.options.split_by
    if by is None:
        digests = [row.tobytes() for row in row_digests(shaped)]
        return pa.chunked_array([pa.array(digests, pa.binary())])
    if by in shaped.column_names:
        return shaped[by]
    # Of the type that all files share, though it is not kept: 1 and 1.0 are one group.
    return _column(table, by, part.layout.source.field(by).type, where)


def shape(table: pa.Table, layout: Layout, where: str) -> pa.Table:
    """A reader's table with the corpus's columns; a column that a file lacks is null in its rows.

    Raises:
        InputError: for a column that was not in the first rows of any file, or a value that does not
            fit the type that those rows have.
    """
    for name in table.column_names:
        if name not in layout.source.names:
            raise InputError(
                f"column {name!r} is not in the first rows of any file, from which the columns are known",
                where=where,
                expected=f"only {', '.join(layout.source.names)} (or `--option types={name}:TYPE`)",
            )
    columns = [_column(table, layout.origin[field.name], field.type, where) for field in layout.schema]
    return pa.table(columns, schema=layout.schema)


def _column(table: pa.Table, name: str, kind: pa.DataType, where: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, kind)])
    column = table[name]
    expected = f"{kind} (or `--option types={name}:TYPE`)"
    if not _fits(column.type, kind):
        what = f"column {name!r} has {column.type} where {kind} was in the first rows"
        raise InputError(what, where=where, expected=expected)
    try:
        return column if column.type == kind else pc.cast(column, kind)
    except pa.ArrowException as error:
        raise InputError(f"column {name!r}: {error}", where=where, expected=expected) from error


def _fits(have: pa.DataType, want: pa.DataType) -> bool:
    """Whether ``want`` holds all values of ``have`` as what they are: no number becomes text."""
    try:
        return bool(unify(pa.schema([("c", want)]), pa.schema([("c", have)])).field(0).type == want)
    except pa.ArrowException:
        return False
