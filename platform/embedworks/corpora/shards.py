"""Writes corpora from rows of Python values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from embedworks.corpora.duplicates import count_duplicates, row_digests, sort_digests
from embedworks.corpora.manifest import MANIFEST_FILE, Manifest
from embedworks.corpora.statistics import SplitStatistics, SplitTally, text_columns
from embedworks.corpora.verify import Problem as Problem
from embedworks.corpora.verify import check_corpus as check_corpus
from embedworks.corpora.writer import ROW_GROUP_ROWS, ShardWriter
from embedworks.errors import InputError

Row = dict[str, Any]


def write_corpus(
    folder: Path,
    rows_by_split: Mapping[str, Iterable[Row]],
    *,
    name: str,
    schema: pa.Schema,
    description: str = "",
    source: str = "",
    licence: str = "",
    split_rule: str = "",
    shard_rows: int = 2048,
    row_group_rows: int = ROW_GROUP_ROWS,
) -> Manifest:
    """Stream rows into ``<split>-00000.parquet`` (zstd) and so on, then write the manifest.

    One row group is held in memory at a time, and 16 bytes a row to count duplicates. A shard appears
    under its name only when it is complete, and the manifest last of all; where ``rows_by_split`` raises,
    the shards written so far are removed. The same rows always give the same bytes under one version of
    Arrow.

    Args:
        folder: A new or empty folder.
        rows_by_split: split -> rows, each with exactly the columns of ``schema``.
        name: The corpus's name.
        schema: Arrow schema of every shard.
        description: What a row is.
        source: What the rows were made from.
        licence: Of the content.
        split_rule: What keeps the splits apart.
        shard_rows: Rows of a full shard, rounded down to whole row groups.
        row_group_rows: Rows of a row group, the least that a reader decodes.

    Raises:
        InputError: if the folder already holds a corpus, if a row does not fit the schema, or if there
            are no rows at all.
    """
    make_unused(folder)
    group = min(row_group_rows, shard_rows)
    statistics = {}
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(ShardWriter(folder, _namer(split), schema, shard_rows, group))
            for split in rows_by_split
        }
        for split, rows in rows_by_split.items():
            tables = _tables(iter(rows), schema, group, where=f"{name}, split {split!r}")
            statistics[split] = _write_split(writers[split], tables, schema)
        if not any(counts.rows for counts in statistics.values()):
            raise InputError(f"corpus {name!r} has no rows")
    manifest = Manifest(
        name=name,
        description=description,
        source=source,
        licence=licence,
        split_rule=split_rule,
        columns={field.name: str(field.type) for field in schema},
        splits={split: writer.shards for split, writer in writers.items()},
        statistics=statistics,
    )
    manifest.save(folder)
    return manifest


def make_unused(folder: Path) -> None:
    """Make a folder for a corpus, and keep one that is there from being written over.

    Raises:
        InputError: if the folder holds a corpus, or shards of one, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot make {folder}: {error.strerror}"
        raise InputError(what, expected="a new or empty folder") from error
    if (folder / MANIFEST_FILE).exists():
        raise InputError(f"{folder} already holds a corpus", expected="a new or empty folder")
    if any(folder.glob("*.parquet")):
        raise InputError(
            f"{folder} holds Parquet files but no {MANIFEST_FILE}, as a build that was cut short leaves it",
            expected="a new or empty folder",
        )


def _namer(split: str) -> Any:
    return lambda number: f"{split}-{number:05d}.parquet"


def _write_split(writer: ShardWriter, tables: Iterable[pa.Table], schema: pa.Schema) -> SplitStatistics:
    tally = SplitTally(text_columns(schema))
    digests = [np.empty((0, 2), dtype="<u8")]
    for table in tables:
        writer.write(table)
        tally.add(table)
        digests.append(row_digests(table))
    writer.close()
    return tally.statistics(count_duplicates([sort_digests(np.concatenate(digests))]))


def _tables(iterator: Iterator[Row], schema: pa.Schema, size: int, where: str) -> Iterator[pa.Table]:
    """Rows to tables of one row group each."""
    names = set(schema.names)
    start = 0
    while chunk := list(islice(iterator, size)):
        for index, row in enumerate(chunk, start):
            if row.keys() != names:
                raise _wrong_columns(row, schema.names, f"{where}, row {index}")
        try:
            yield pa.Table.from_pylist(chunk, schema=schema)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            span = f"rows {start} to {start + len(chunk) - 1}"
            raise InputError(f"{span} do not fit the schema: {error}", where=where) from error
        start += len(chunk)


def _wrong_columns(row: Row, names: list[str], where: str) -> InputError:
    expected = ", ".join(names)
    if unknown := sorted(set(row) - set(names)):
        return InputError(
            f"unknown column {unknown[0]!r}", where=where, expected=expected, name=unknown[0], known=names
        )
    missing = next(name for name in names if name not in row)
    return InputError(f"column {missing!r} is missing", where=where, expected=expected)
