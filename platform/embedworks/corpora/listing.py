"""The files behind a path, URI or glob, in an order that never changes."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow.fs as pafs

from embedworks.corpora.places import Place
from embedworks.errors import InputError

# What tells one version of a file from the next, where a filesystem has no time of change.
FSSPEC_STAMPS = ("ETag", "Last-Modified", "blob_id", "created")
THREADS = 16  # they wait for servers that have to be asked file by file
HIDDEN = ("_", ".")  # _SUCCESS, .crc and so on: left by whoever wrote the folder


@dataclass(frozen=True)
class SourceFile:
    """A file to read.

    Attributes:
        place: Where it is.
        bytes: Its size.
        stamp: Changes when the file does (time of change or entity tag); empty where nobody knows.
        split: The split that its rows belong to.
    """

    place: Place
    bytes: int
    stamp: str = ""
    split: str = "train"


def list_files(source: str | Place) -> list[SourceFile]:
    """The files that a path, folder (with all below it) or glob stands for, sorted by path.

    ``*``, ``**`` and ``[...]`` are wildcards; ``?`` is one in a local path only, since it begins the
    options of a URI. Of a folder, names that start with ``_`` or ``.`` are left out, as Arrow does.

    Raises:
        InputError: if nothing matches, or the place cannot be listed.
    """
    place = Place.of(source)
    with place.reading():
        infos = _infos(place)
    files = [info for info in infos if info.type == pafs.FileType.File]
    if not files:
        raise InputError(
            f"nothing matches {place}", expected="a file, a folder with files in it, or a glob"
        )
    with place.reading(), ThreadPoolExecutor(THREADS) as threads:
        known = threads.map(lambda info: _source_file(place.at(info.path), info), files)
        return sorted(known, key=lambda file: file.place.path)


def _source_file(place: Place, info: pafs.FileInfo) -> SourceFile:
    if info.size is None:  # a web page lists names alone
        info = place.filesystem.get_file_info(place.path)
    return SourceFile(place, info.size or 0, _stamp(place, info))


def has_wildcard(place: Place) -> bool:
    """Whether the path is a pattern."""
    return bool(re.search(_magic(place), place.path)) and not (place.local and place.local.exists())


def _infos(place: Place) -> list[pafs.FileInfo]:
    if not has_wildcard(place):
        info = place.filesystem.get_file_info(place.path)
        if info.type != pafs.FileType.Directory:
            return [info]
        return [i for i in _below(place, True) if not _hidden(i.path, place.path)]
    from fsspec.utils import glob_translate

    fixed = re.split(_magic(place), place.path)[0].rpartition("/")[0]
    pattern = re.compile(glob_translate(place.path))
    found = _below(place.at(fixed or "/"), deep="/" in place.path[len(fixed) + 1 :])
    return [info for info in found if pattern.match(info.path)]


def _below(folder: Place, deep: bool) -> list[pafs.FileInfo]:
    selector = pafs.FileSelector(folder.path, recursive=deep, allow_not_found=True)
    return list(folder.filesystem.get_file_info(selector))


def _magic(place: Place) -> str:
    return r"[*?\[]" if place.scheme == "file" else r"[*\[]"


def _hidden(path: str, folder: str) -> bool:
    return any(part.startswith(HIDDEN) for part in path[len(folder) :].split("/"))


def _stamp(place: Place, info: pafs.FileInfo) -> str:
    if info.mtime_ns is not None:
        return str(info.mtime_ns)
    handler = getattr(place.filesystem, "handler", None)
    known: dict[str, Any] = handler.fs.info(info.path) if handler else {}
    return " ".join(f"{key}={known[key]}" for key in FSSPEC_STAMPS if known.get(key))
