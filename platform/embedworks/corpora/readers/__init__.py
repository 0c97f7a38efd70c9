"""Readers, one file a format, found by name.

A reader is ``corpora/readers/<format>.py`` with ``EXTENSIONS``, a pydantic model ``Options`` and a
function ``tables(file, filesystem, options)`` that yields Arrow tables, a bounded number of rows at a
time. ``file`` is a path of ``filesystem``. What is wrong with a file it raises as InputError, with the
file and the line or row in ``where``. A reader may have besides

- ``COMPANIONS``: names of files that belong to others (captions beside images);
- ``expand(place)``: the files of a folder that is one data set, or None if this is not such a folder;
- ``schema(file, filesystem, options)``: the columns, where that is cheaper than reading rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from embedworks.corpora.listing import SourceFile, has_wildcard, list_files
from embedworks.corpora.places import Place
from embedworks.errors import InputError, first_line
from embedworks.named import find_module, module_names

COMPRESSED = (".gz", ".zst", ".bz2", ".lz4")


def format_names() -> list[str]:
    """Names of the formats."""
    return module_names(Path(__file__).parent)


def find_reader(name: str) -> Any:
    """The module that reads a format.

    Raises:
        InputError: for an unknown format, with the nearest one.
    """
    return find_module("format", name, __name__, Path(__file__).parent)


def read_options(format_name: str, options: Mapping[str, Any]) -> Any:
    """The reader's options, checked.

    Raises:
        InputError: for an unknown option, or a value that is not one.
    """
    model = find_reader(format_name).Options
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        known = list(model.model_fields)
        what = f"option {name!r} of format {format_name}: {first['msg']}"
        expected = f"options {', '.join(known)}" if known else "no options"
        raise InputError(what, expected=expected, name=name, known=known) from error


def format_of(file: str) -> str | None:
    """The format that a file's extension names, compressed or not."""
    name = file.lower()
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    return next((f for f in format_names() if name.endswith(find_reader(f).EXTENSIONS)), None)


@dataclass(frozen=True)
class Found:
    """What is to be read from a source.

    Attributes:
        format: The reader's name.
        files: In the order in which they are read.
        companions: Files that the reader opens besides.
        left_out: Paths of the files that are of no or another format.
    """

    format: str
    files: tuple[SourceFile, ...]
    companions: tuple[SourceFile, ...] = ()
    left_out: tuple[str, ...] = ()


def find_files(source: str | Place, format_name: str | None = None) -> Found:
    """The files of a source.

    Without a format, a folder that is a data set of its own (Lance, Hugging Face) is taken as that;
    otherwise the extensions tell, and have to tell one format only. A single file, or files that a
    glob names, are read as the format that was asked for whatever they are called.

    Raises:
        InputError: if nothing matches, or if the format cannot be told.
    """
    place = Place.of(source)
    for name in [format_name] if format_name else format_names():
        expand = getattr(find_reader(name), "expand", None)
        if expand and not has_wildcard(place) and (files := expand(place)):
            return Found(name, tuple(files))
    files = list_files(place)
    name = format_name or _one_format(place, files)
    reader = find_reader(name)
    beside = [file for file in files if file.place.name in getattr(reader, "COMPANIONS", ())]
    named = bool(format_name) and (has_wildcard(place) or len(files) == 1)
    chosen = [f for f in files if f not in beside and (named or format_of(f.place.name) == name)]
    if not chosen:
        raise InputError(f"{place} has no {name} files", expected=", ".join(reader.EXTENSIONS))
    kept = {*chosen, *beside}
    left_out = tuple(file.place.path for file in files if file not in kept)
    return Found(name, tuple(chosen), tuple(beside), left_out)


def read_tables(file: SourceFile, format_name: str, options: Any) -> Iterator[pa.Table]:
    """The rows of one file, as tables.

    Raises:
        InputError: naming the file, if it cannot be read or is not of this format.
    """
    reader = find_reader(format_name)
    try:
        yield from reader.tables(file.place.path, file.place.filesystem, options)
    except file.place.read_errors as error:
        raise InputError(
            f"not readable as {format_name}: {first_line(error)}", where=str(file.place)
        ) from error


def read_schema(file: SourceFile, format_name: str, options: Any) -> pa.Schema | None:
    """The columns of one file, from its own schema or its first table; None if it has no rows.

    Raises:
        InputError: as :func:`read_tables` does.
    """
    reader = find_reader(format_name)
    if hasattr(reader, "schema"):
        try:
            found: pa.Schema = reader.schema(file.place.path, file.place.filesystem, options)
        except file.place.read_errors as error:
            what = f"not readable as {format_name}: {first_line(error)}"
            raise InputError(what, where=str(file.place)) from error
        return found
    first = next(read_tables(file, format_name, options), None)
    return None if first is None else first.schema


def _one_format(place: Place, files: Sequence[SourceFile]) -> str:
    names = {file.place.name for file in files}
    found = {name for file in names if (name := format_of(file))}
    for name in sorted(found):
        # Captions beside images do not make a folder one of JSON lines.
        names -= set(getattr(find_reader(name), "COMPANIONS", ()))
    found = {name for file in names if (name := format_of(file))} or found
    if len(found) != 1:
        what = (
            f"holds {', '.join(sorted(found))} files" if found else "has no extension that names a format"
        )
        expected = f"--format with one of {', '.join(format_names())}"
        raise InputError(f"{place} {what}", expected=expected)
    return found.pop()
