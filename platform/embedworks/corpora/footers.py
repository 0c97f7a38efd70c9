"""Parquet footers: what a file says of itself, read without its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.places import Place

MAGIC = b"PAR1"
END_BYTES = 8  # the footer's length and the magic number
PLAIN = {"string", "large_string", "binary", "large_binary", "bool", "halffloat", "float", "double"}
PLAIN |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
FIRST_READ = 64 << 10  # holds most footers whole, so that one request is enough


@dataclass(frozen=True)
class Footer:
    """A file's footer.

    Attributes:
        bytes: Size of the file.
        sha256: Of the footer and the size. Two files with the same digest have the same columns, row
            groups, page positions and value ranges; their pages were not read.
        metadata: The footer, decoded.
    """

    bytes: int
    sha256: str
    metadata: pq.FileMetaData


def read_footer(place: Place) -> Footer:
    """Read a file's footer, with one request or two.

    Raises:
        InputError: naming the file, if it is not Parquet or cannot be read.
    """
    with place.reading(), place.filesystem.open_input_file(place.path) as source:
        return footer_of(source)


def wrong_column(footer: Footer, columns: Mapping[str, str]) -> str | None:
    """What a footer says of a column that a manifest says otherwise; None where they agree.

    Types that Parquet keeps under another name (nested ones, some of time) are not compared.
    """
    schema = footer.metadata.schema.to_arrow_schema()
    for name, kind in columns.items():
        found = str(schema.field(name).type) if name in schema.names else "missing"
        if found != kind and (found == "missing" or kind in PLAIN):
            return f"column {name!r} is {found}, not {kind}"
    return None


def refuse_lost_rows(decoded: int, rows: int) -> None:
    """Compare what was decoded with what the footer says: Arrow stops short of it without a word where the
    header of a page is altered, which no checksum covers.

    Raises:
        ValueError: if they differ.
    """
    if decoded != rows:
        raise ValueError(f"{decoded} rows where its footer says {rows}")


def footer_of(source: pa.NativeFile) -> Footer:
    """The footer of an open file.

    Raises:
        ValueError: if the file does not end as a Parquet file does.
    """
    size = source.size()
    tail = source.read_at(min(size, FIRST_READ), max(0, size - FIRST_READ))
    length = int.from_bytes(tail[-END_BYTES:-4], "little") + END_BYTES
    if tail[-4:] != MAGIC or length + len(MAGIC) > size:
        raise ValueError(f"does not end with a Parquet footer ({size} bytes)")
    footer = tail[-length:] if length <= len(tail) else source.read_at(length, size - length)
    metadata = pq.read_metadata(pa.BufferReader(MAGIC + footer))
    return Footer(size, hashlib.sha256(footer + str(size).encode()).hexdigest(), metadata)
