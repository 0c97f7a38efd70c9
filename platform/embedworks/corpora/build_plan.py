"""Plans a build: which files make which part, and what a row of the corpus looks like.

A part is the unit of work, of parallelism and of going on after a kill. Which files it holds depends on
the sorted list of files and their sizes alone, so a build gives the same bytes on any cluster.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from embedworks.corpora.listing import SourceFile
from embedworks.corpora.places import Place
from embedworks.corpora.readers import find_files, read_options, read_schema, schema_files
from embedworks.corpora.shares import check_shares
from embedworks.errors import InputError

FORMAT = 1  # of what a part writes; another number makes the parts of a killed build start again
THREADS = 16
PART_FILES = 4096


class BuildOptions(BaseModel):
    """What a user asks of a build.

    Attributes:
        source: A path, URI or glob.
        format: A reader's name; by the extensions if None.
        options: The reader's own options.
        columns: New name -> the source's; all columns as they are if empty.
        keep_all: Keep the columns that ``columns`` does not name, too.
        splits: Split -> share of the rows; what is left is ``train``. Empty: as the source has them.
        split_by: The column whose values stay together; the whole row if None.
        seed: Draws the split.
        name: The corpus's name; from the source if empty.
        licence: Of the content.
        description: What a row is.
        shard_rows: Rows of a full shard.
        part_bytes: Bytes of source files that make a part; a file is never divided.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    format: str | None = None
    options: dict[str, str] = Field(default_factory=dict)
    columns: dict[str, str] = Field(default_factory=dict)
    keep_all: bool = False
    splits: dict[str, float] = Field(default_factory=dict)
    split_by: str | None = None
    seed: int = 0
    name: str = ""
    licence: str = ""
    description: str = ""
    shard_rows: int = Field(default=16384, ge=1)
    part_bytes: int = Field(default=64 << 20, ge=1)


@dataclass(frozen=True)
class Layout:
    """What the source's rows become.

    Attributes:
        source: The source's columns, over all its files.
        schema: The corpus's columns.
        origin: Column of the corpus -> column of the source.
    """

    source: pa.Schema
    schema: pa.Schema
    origin: dict[str, str]

    @property
    def dropped(self) -> list[str]:
        """The source's columns that the corpus has not."""
        return [name for name in self.source.names if name not in self.origin.values()]


@dataclass(frozen=True)
class Part:
    """One unit of work: everything that fixes the bytes of its shards.

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


@dataclass(frozen=True)
class Plan:
    """A whole build."""

    options: BuildOptions
    format: str
    layout: Layout
    parts: tuple[Part, ...]
    splits: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def files(self) -> int:
        """How many files are read."""
        return sum(len(part.files) for part in self.parts)


def make_plan(options: BuildOptions) -> Plan:
    """List the source, read its columns (of every file, in threads) and cut it into parts.

    Raises:
        InputError: if nothing matches, a file cannot be read, files disagree on a column's type, or an
            option names a column that is not there.
    """
    found = find_files(Place.of(options.source), options.format)
    layout = make_layout(options, _source_schema(options, found.format, found.files))
    check_shares(options.splits)
    beside = [_version(file) for file in found.companions]
    parts = []
    for index, files in enumerate(_groups(found.files, options.part_bytes)):
        identity = _identity(options, layout, found.format, files, beside)
        parts.append(Part(index, identity, files, found.format, options, layout))
    splits = ["train", *options.splits] if options.splits else [file.split for file in found.files]
    return Plan(options, found.format, layout, tuple(parts), tuple(dict.fromkeys(splits)), found.left_out)


def make_layout(options: BuildOptions, source: pa.Schema) -> Layout:
    """Rename and choose columns.

    Raises:
        InputError: for a column that the source has not or that no shard can hold (objects that are all
            empty), or two that would have one name.
    """
    for old in [*options.columns.values(), *([options.split_by] if options.split_by else [])]:
        if old not in source.names and old not in options.columns:
            raise InputError(
                f"{options.source} has no column {old!r}",
                expected=f"one of {', '.join(source.names)}",
                name=old,
                known=source.names,
            )
    origin = dict(options.columns)
    for name in source.names if options.keep_all or not options.columns else ():
        if name in options.columns and options.columns[name] != name:
            raise InputError(
                f"two columns would be called {name!r}", expected="--columns with another name"
            )
        if name not in options.columns.values():
            origin[name] = name
    fields = [source.field(old).with_name(new) for new, old in origin.items()]
    for field in fields:
        _refuse_unwritable(field, options.source)
    return Layout(source, pa.schema(fields), origin)


def _source_schema(options: BuildOptions, format_name: str, files: Sequence[SourceFile]) -> pa.Schema:
    """The columns of all files, with types that hold all of them."""
    parsed = read_options(format_name, options.options)
    files = schema_files(files, format_name)
    with ThreadPoolExecutor(THREADS) as threads:
        schemas = list(threads.map(lambda file: read_schema(file, format_name, parsed), files))
    merged = None
    for file, schema in zip(files, schemas, strict=True):
        if schema is None:
            continue
        try:
            plain = schema.remove_metadata()
            merged = plain if merged is None else unify(merged, plain)
        except pa.ArrowException as error:
            raise InputError(
                f"its columns do not go with those before it: {error}", where=str(file.place)
            ) from error
    if merged is None:
        raise InputError(f"{options.source} has no rows")
    return pa.schema([_settled(field) for field in merged])


def unify(first: pa.Schema, second: pa.Schema) -> pa.Schema:
    """Columns of both, each with the type that holds either: whole numbers become fractions, never text.

    Raises:
        pyarrow.ArrowException: if two types have nothing in common.
    """
    return pa.unify_schemas([first, second], promote_options="permissive")


def _settled(field: pa.Field) -> pa.Field:
    # A column without a single value says nothing of its type; text is what it most often is.
    kind = pa.string() if pa.types.is_null(field.type) else field.type
    return pa.field(field.name, kind)


def _refuse_unwritable(field: pa.Field, source: str) -> None:
    try:
        pq.write_table(pa.schema([field]).empty_table(), pa.BufferOutputStream())
    except pa.ArrowException as error:
        raise InputError(
            f"column {field.name!r} of {source}, {field.type}, has no form in Parquet",
            expected="--columns without it",
        ) from error


def _groups(files: Sequence[SourceFile], part_bytes: int) -> Iterator[tuple[SourceFile, ...]]:
    """Consecutive files until a part is full."""
    group: list[SourceFile] = []
    size = 0
    for file in files:
        group.append(file)
        size += file.bytes
        if size >= part_bytes or len(group) >= PART_FILES:
            yield tuple(group)
            group, size = [], 0
    if group:
        yield tuple(group)


def _identity(
    options: BuildOptions, layout: Layout, format_name: str, files: Sequence[SourceFile], beside: list[Any]
) -> str:
    asked = options.model_dump(exclude={"name", "licence", "description", "part_bytes"})
    versions = [FORMAT, pa.__version__]
    content = [asked, versions, format_name, str(layout.schema), [_version(file) for file in files], beside]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _version(file: SourceFile) -> list[Any]:
    return [file.place.uri, file.bytes, file.stamp, file.split]


def corpus_name(source: str) -> str:
    """A name for a corpus, from its source.

    Example:
        >>> corpus_name("s3://bucket/docs/*.parquet")
        'bucket-docs'
    """
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"\?.*|\*.*|^\w+://", "", source))
    return "-".join(words[-2:]).lower() or "corpus"
