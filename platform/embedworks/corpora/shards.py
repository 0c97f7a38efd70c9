"""Writes corpora as Parquet shards, and verifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.atomic import PARTIAL, new_file
from embedworks.corpora.manifest import MANIFEST_FILE, Manifest, Shard
from embedworks.errors import InputError

Row = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """One shard that is not what the manifest says."""

    shard: str
    kind: Literal["missing", "extra", "truncated", "altered"]
    detail: str

    def __str__(self) -> str:
        return f"{self.shard}: {self.kind} ({self.detail})"


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
    row_group_rows: int = 256,
) -> Manifest:
    """Stream rows into ``<split>-00000.parquet`` (zstd) and so on, then write the manifest.

    One row group is held in memory at a time. A shard appears under its name only when it is complete,
    and the manifest last of all; where ``rows_by_split`` raises, the shards written so far are removed.
    The same rows always give the same bytes under one version of Arrow.

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
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_used(folder)
    group = min(row_group_rows, shard_rows)
    splits: dict[str, list[Shard]] = {}
    try:
        for split, rows in rows_by_split.items():
            shards = splits[split] = []
            tables = _tables(iter(rows), schema, group, where=f"{name}, split {split!r}")
            while first := next(tables, None):
                file = folder / f"{split}-{len(shards):05d}.parquet"
                filling = chain([first], islice(tables, shard_rows // group - 1))
                shards.append(_write_shard(file, filling, schema))
        if not any(splits.values()):
            raise InputError(f"corpus {name!r} has no rows")
    except BaseException:
        for shard in chain.from_iterable(splits.values()):
            (folder / shard.file).unlink(missing_ok=True)
        raise
    manifest = Manifest(
        name=name,
        description=description,
        source=source,
        licence=licence,
        split_rule=split_rule,
        columns={field.name: str(field.type) for field in schema},
        splits=splits,
    )
    manifest.save(folder)
    return manifest


def check_corpus(folder: Path) -> list[Problem]:
    """Compare every shard of a corpus with its manifest, byte for byte.

    Returns:
        The shards that are missing, truncated, altered, or not in the manifest; empty where all is well.

    Raises:
        InputError: if there is no readable manifest.
    """
    manifest = Manifest.load(folder)
    shards = list(chain.from_iterable(manifest.splits.values()))
    problems = [problem for shard in shards if (problem := _check_shard(folder, shard))]
    known = {shard.file for shard in shards}
    for file in sorted(folder.iterdir()):
        if file.name not in known and file.name.endswith((".parquet", PARTIAL)):
            problems.append(Problem(file.name, "extra", f"not in {MANIFEST_FILE}"))
    return problems


def file_digest(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_shard(folder: Path, shard: Shard) -> Problem | None:
    file = folder / shard.file
    if not file.is_file():
        return Problem(shard.file, "missing", f"{shard.rows} rows")
    size = file.stat().st_size
    if size < shard.bytes:
        return Problem(shard.file, "truncated", f"{size} of {shard.bytes} bytes")
    if size > shard.bytes:
        return Problem(shard.file, "altered", f"{size} bytes, not {shard.bytes}")
    if (digest := file_digest(file)) != shard.sha256:
        return Problem(shard.file, "altered", f"sha256 {digest[:12]}, not {shard.sha256[:12]}")
    return None


def _refuse_used(folder: Path) -> None:
    if (folder / MANIFEST_FILE).exists():
        raise InputError(f"{folder} already holds a corpus", expected="a new or empty folder")
    if any(folder.glob("*.parquet")):
        raise InputError(
            f"{folder} holds Parquet files but no {MANIFEST_FILE}, as a build that was cut short leaves it",
            expected="a new or empty folder",
        )


def _tables(rows: Iterator[Row], schema: pa.Schema, size: int, where: str) -> Iterator[pa.Table]:
    """Rows to tables of one row group each."""
    names = set(schema.names)
    start = 0
    while chunk := list(islice(rows, size)):
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


def _write_shard(file: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> Shard:
    rows = 0
    with new_file(file) as partial:
        # Page checksums let a reader notice a flipped bit without hashing the whole shard.
        with pq.ParquetWriter(partial, schema, compression="zstd", write_page_checksum=True) as writer:
            for table in tables:
                writer.write_table(table, row_group_size=max(1, table.num_rows))
                rows += table.num_rows
        size, digest = partial.stat().st_size, file_digest(partial)
    return Shard(file=file.name, rows=rows, bytes=size, sha256=digest)
