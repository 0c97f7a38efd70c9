"""Folders of images: ``folder/<class>/<name>.jpg``, with captions in ``metadata.jsonl`` where there is one.

Columns: ``image`` (the file as it is), ``width``, ``height``, ``label`` (the folder's name), ``file``, and
what ``metadata.jsonl`` in that folder or the one above says of it under ``file_name``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.fs as pafs

from embedworks.corpora.readers._rows import ReaderOptions, opened
from embedworks.errors import InputError, first_line

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
COMPANIONS = ("metadata.jsonl",)
Options = ReaderOptions
NAME = "file_name"


def tables(file: str, filesystem: pafs.FileSystem, options: ReaderOptions) -> Iterator[pa.Table]:  # noqa: ARG001
    """One row.

    Raises:
        InputError: for a file that is not an image, or metadata without this file in it.
    """
    with filesystem.open_input_stream(file, compression=None) as stream:
        data = bytes(stream.read())
    width, height = _size(data, file)
    folder, _, name = file.rpartition("/")
    row = {
        "image": data,
        "width": width,
        "height": height,
        "label": folder.rpartition("/")[2],
        "file": name,
    }
    yield pa.Table.from_pylist([{**row, **_caption(file, filesystem)}])


def _size(data: bytes, file: str) -> tuple[int, int]:
    from PIL import Image

    try:
        # PNG tells by its checksums that it was cut short, others only when their pixels are decoded.
        with Image.open(io.BytesIO(data)) as image:
            image.verify()
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            size: tuple[int, int] = image.size
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"not a whole image: {first_line(error)}", where=file) from error
    return size


def _caption(file: str, filesystem: pafs.FileSystem) -> dict[str, Any]:
    folder = file.rpartition("/")[0]
    for base in (folder, folder.rpartition("/")[0]):
        info = filesystem.get_file_info(f"{base}/{COMPANIONS[0]}")
        if info.type == pafs.FileType.File:
            captions = _captions(_Held(filesystem), info.path, info.mtime_ns, info.size)
            name = file[len(base) + 1 :]
            if name not in captions:
                raise InputError(f"{info.path} has no line for {name}", where=file)
            return captions[name]
    return {}


class _Held:
    """A filesystem as part of a cache's key: the same object, kept alive."""

    def __init__(self, filesystem: pafs.FileSystem) -> None:
        self.filesystem = filesystem

    def __hash__(self) -> int:
        return id(self.filesystem)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.filesystem is self.filesystem


@lru_cache(maxsize=64)
def _captions(held: _Held, file: str, *_version: int | None) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    with opened(file, held.filesystem) as stream:
        for number, line in enumerate(stream, 1):
            try:
                row = orjson.loads(line)
                found[row.pop(NAME)] = row
            except (orjson.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
                where = f"{file}:{number}"
                raise InputError(f"not an object with {NAME!r}", where=where) from error
    return found
