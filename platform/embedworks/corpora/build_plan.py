"""Plans a build: which files make which part, and what a row of the corpus looks like.

A part is the unit of work, of parallelism and of going on after a kill. Which files it holds depends on
the sorted list of files and their sizes alone, so a build gives the same bytes on any cluster.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.build_options import BuildOptions, Layout, corpus_name, unify
from embedworks.corpora.listing import SourceFile
from embedworks.corpora.parts import FORMAT, Header, Plan
from embedworks.corpora.places import Place
from embedworks.corpora.readers import find_files, read_options, read_schema, schema_files
from embedworks.corpora.shares import check_shares, rule
from embedworks.corpora.source_part import SourcePart
from embedworks.errors import InputError

THREADS = 16
PART_FILES = 4096


@dataclass(frozen=True)
class SourcePlan(Plan):
    """A build that reads files.

    Attributes:
        format: The reader's name.
        layout: The source's columns and what becomes of them.
        left_out: Files of the source that no reader takes.
    """

    format: str = ""
    layout: Layout = field(default_factory=lambda: Layout(pa.schema([]), pa.schema([]), {}))
    left_out: tuple[str, ...] = ()


def make_plan(options: BuildOptions) -> SourcePlan:
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
        parts.append(SourcePart(index, identity, files, found.format, options, layout))
    splits = ["train", *options.splits] if options.splits else [file.split for file in found.files]
    return SourcePlan(
        asked=options.model_dump(mode="json"),
        header=_header(options, found.format, len(found.files)),
        schema=layout.schema,
        splits=tuple(dict.fromkeys(splits)),
        parts=tuple(parts),
        reads=options.source,
        format=found.format,
        layout=layout,
        left_out=found.left_out,
    )


def _header(options: BuildOptions, format_name: str, files: int) -> Header:
    by_hash = rule(options.splits, options.split_by, options.seed) if options.splits else ""
    return Header(
        name=options.name or corpus_name(options.source),
        description=options.description,
        source=f"{options.source} ({format_name}, {files} files)",
        licence=options.licence,
        split_rule=by_hash or "as the source has them",
    )


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
    for one in fields:
        _refuse_unwritable(one, options.source)
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
