"""Plain text: a row a line (the column ``text``), or a row a file (``text`` and ``file``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pyarrow as pa
import pyarrow.fs as pafs
from pydantic import Field

from embedworks.corpora.readers._rows import ReaderOptions, numbered_chunks, opened_text
from embedworks.errors import InputError

EXTENSIONS = (".txt",)


class Options(ReaderOptions):
    """What a row is."""

    rows: Literal["line", "file"] = Field(default="line", description="a row a line, or a row a file")


def tables(file: str, filesystem: pafs.FileSystem, options: Options) -> Iterator[pa.Table]:
    """A table every few thousand lines, or one of one row. Blank lines are passed over.

    Raises:
        InputError: naming the line that is not UTF-8.
    """
    with opened_text(file, filesystem) as stream:
        if options.rows == "file":
            text = _decode(stream.read(), file)
            yield pa.table({"text": [text], "file": [file.rpartition("/")[2]]})
            return
        for chunk in numbered_chunks(iter(stream)):
            texts = [_decode(line, f"{file}:{number}").rstrip("\r\n") for number, line in chunk]
            if kept := [text for text in texts if text.strip()]:
                yield pa.table({"text": kept})


def _decode(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: {error.reason} at byte {error.start}", where=where) from error
