"""Builds one part of a corpus: its shards, then a small record that says it is done."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError

from embedworks.corpora.atomic import PARTIAL, new_file
from embedworks.corpora.build_plan import Layout, Part, unify
from embedworks.corpora.duplicates import row_digests, sort_digests
from embedworks.corpora.listing import SourceFile
from embedworks.corpora.manifest import Shard
from embedworks.corpora.readers import read_options, read_tables
from embedworks.corpora.shares import split_of
from embedworks.corpora.statistics import SplitTally, text_columns
from embedworks.corpora.writer import ShardWriter
from embedworks.errors import InputError

BUILD = ".build"  # inside the corpus folder, until the manifest is written


class PartRecord(BaseModel):
    """What a finished part left behind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identity: str
    shards: dict[str, list[Shard]]
    tallies: dict[str, dict[str, Any]]

    @property
    def rows(self) -> int:
        """Rows of all its splits."""
        return sum(shard.rows for shards in self.shards.values() for shard in shards)


def build_part(part: Part, folder: Path) -> PartRecord:
    """Read a part's files in order, write its shards, and last of all its record.

    Raises:
        InputError: naming the file, and where known the line, that cannot be read or does not fit.
    """
    forget_part(part.index, folder)
    with ExitStack() as stack:
        splits: dict[str, _SplitPart] = {}
        for file in part.files:
            for split, table in _rows(part, file):
                if split not in splits:
                    splits[split] = stack.enter_context(_SplitPart(part, folder, split))
                splits[split].write(table)
        for one in splits.values():
            one.close()
    record = PartRecord(
        identity=part.identity,
        shards={split: one.writer.shards for split, one in splits.items()},
        tallies={split: one.tally.to_json() for split, one in splits.items()},
    )
    with new_file(_record_file(part.index, folder)) as partial_file:
        partial_file.write_text(record.model_dump_json(exclude_none=True))
    return record


def load_record(part: Part, folder: Path) -> PartRecord | None:
    """The record of a part that is done; None if it is missing, of other inputs, or lacks a shard."""
    try:
        record = PartRecord.model_validate_json(_record_file(part.index, folder).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    sizes = {shard.file: shard.bytes for shards in record.shards.values() for shard in shards}
    whole = all((folder / n).is_file() and (folder / n).stat().st_size == s for n, s in sizes.items())
    return record if record.identity == part.identity and whole else None


def has_records(folder: Path) -> bool:
    """Whether any part of a build is done."""
    return any((folder / BUILD).glob("part-*.json"))


def forget_part(index: int, folder: Path) -> None:
    """Remove whatever an earlier try left of a part, its record first."""
    _record_file(index, folder).unlink(missing_ok=True)
    for pattern in (f"*-{index:05d}-*.parquet", f".*-{index:05d}-*{PARTIAL}"):
        for file in folder.glob(pattern):
            file.unlink()
    for file in (folder / BUILD).glob(f"rows-{index:05d}-*.npy"):
        file.unlink()


def digest_file(index: int, split: str, folder: Path) -> Path:
    """Where the digests of a part's rows are, sorted."""
    return folder / BUILD / f"rows-{index:05d}-{split}.npy"


def _record_file(index: int, folder: Path) -> Path:
    return folder / BUILD / f"part-{index:05d}.json"


class _SplitPart:
    """The rows of a part that belong to one split, on their way to shards and counts."""

    def __init__(self, part: Part, folder: Path, split: str) -> None:
        schema, name = part.layout.schema, partial(_shard_name, split, part.index)
        self.writer = ShardWriter(folder, name, schema, part.options.shard_rows)
        self.tally = SplitTally(text_columns(schema))
        self._digests: list[np.ndarray] = []
        self._file = digest_file(part.index, split, folder)

    def write(self, table: pa.Table) -> None:
        self.writer.write(table)
        self.tally.add(table)
        self._digests.append(row_digests(table))

    def close(self) -> None:
        self.writer.close()
        data = io.BytesIO()
        np.save(data, sort_digests(np.concatenate(self._digests)))
        with new_file(self._file) as file:
            file.write_bytes(data.getvalue())

    def __enter__(self) -> _SplitPart:
        return self

    def __exit__(self, *error: Any) -> None:
        self.writer.__exit__(*error)


def _shard_name(split: str, part: int, number: int) -> str:
    return f"{split}-{part:05d}-{number:05d}.parquet"


def _rows(part: Part, file: SourceFile) -> Iterator[tuple[str, pa.Table]]:
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


def _split_values(table: pa.Table, shaped: pa.Table, part: Part, where: str) -> pa.ChunkedArray:
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
