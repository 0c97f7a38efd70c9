"""WebDataset tar files: files that share a name are a row, their extensions are its columns.

``.txt`` and ``.json`` are text, ``.cls`` a whole number, all else bytes as they are; ``__key__`` is the
name.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from embedworks.corpora.readers._rows import TABLE_BYTES, ReaderOptions, Row, opened, to_table
from embedworks.errors import InputError

EXTENSIONS = (".tar",)
Options = ReaderOptions
KEY = "__key__"
BATCH_ROWS = 256
TEXT = ("txt", "json")
BLOCK = 512


def tables(file: str, filesystem: pafs.FileSystem, options: ReaderOptions) -> Iterator[pa.Table]:  # noqa: ARG001
    """A table every few hundred rows or eight megabytes.

    Raises:
        InputError: naming the member that cannot be read, or the file if it ends too early.
    """
    _check_end(file, filesystem)
    rows: list[Row] = []
    size = 0
    for row, row_bytes in _samples(file, filesystem):
        rows.append(row)
        size += row_bytes
        if len(rows) >= BATCH_ROWS or size >= TABLE_BYTES:
            yield to_table(rows, [f"{file}, {row[KEY]}" for row in rows], {})
            rows, size = [], 0
    if rows:
        yield to_table(rows, [f"{file}, {row[KEY]}" for row in rows], {})


def _samples(file: str, filesystem: pafs.FileSystem) -> Iterator[tuple[Row, int]]:
    row: Row = {}
    size = 0
    with opened(file, filesystem) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member, data in _members(archive, file):
            key, column = _split_name(member)
            if row and row[KEY] != key:
                yield row, size
                row, size = {}, 0
            if column in row:
                raise InputError(f"{member!r} is there twice", where=file)
            row[KEY] = key
            row[column] = _value(column, data, f"{file}, {member}")
            size += len(data)
    if row:
        yield row, size


def _members(archive: tarfile.TarFile, file: str) -> Iterator[tuple[str, bytes]]:
    last = "the first member"
    try:
        for member in archive:
            if member.isfile():
                last = member.name
                content = archive.extractfile(member)
                assert content is not None
                yield member.name, content.read()
    except tarfile.TarError as error:
        raise InputError(f"broken at {last}: {error}", where=file) from error


def _split_name(member: str) -> tuple[str, str]:
    folder, slash, name = member.rpartition("/")
    stem, _, extension = name.partition(".")
    return folder + slash + stem, extension.lower()


def _value(column: str, data: bytes, where: str) -> Any:
    kind = column.rpartition(".")[2]
    try:
        if kind in TEXT:
            return data.decode("utf-8")
        return int(data) if kind == "cls" else data
    except ValueError as error:
        raise InputError(f"not {'UTF-8' if kind in TEXT else 'a whole number'}", where=where) from error


def _check_end(file: str, filesystem: pafs.FileSystem) -> None:
    # tarfile takes a file that was cut between two members for a whole one; gzip and zstd notice.
    if not file.endswith(EXTENSIONS):
        return
    with filesystem.open_input_file(file) as source:
        size = source.size()
        tail = source.read_at(BLOCK, max(0, size - BLOCK))
    if len(tail) < BLOCK or any(tail):
        raise InputError("ends without the mark of a whole tar file: it was cut short", where=file)
