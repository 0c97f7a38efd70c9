"""Lance data sets (``name.lance`` folders), a fragment at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from embedworks.corpora.listing import SourceFile
from embedworks.corpora.places import Place
from embedworks.corpora.readers._rows import ReaderOptions
from embedworks.errors import InputError, first_line

EXTENSIONS = (".lance",)
Options = ReaderOptions
BATCH_ROWS = 1024
SCHEMES = {"local": "", "s3": "s3://", "gcs": "gs://", "abfs": "az://"}
FRAGMENT = "#fragment="


def expand(place: Place) -> list[SourceFile] | None:
    """A file for each fragment of a Lance folder; None for any other place."""
    if not place.path.endswith(EXTENSIONS):
        return None
    dataset = _open(place.path, place.filesystem)
    stamp = str(dataset.version)
    return [
        SourceFile(place.at(f"{place.path}{FRAGMENT}{part.fragment_id}"), _bytes(part), stamp)
        for part in dataset.get_fragments()
    ]


def tables(file: str, filesystem: pafs.FileSystem, options: ReaderOptions) -> Iterator[pa.Table]:  # noqa: ARG001
    """A table a batch of one fragment.

    Raises:
        InputError: if the library is missing, or the data set cannot be read.
    """
    path, _, number = file.partition(FRAGMENT)
    fragment = _open(path, filesystem).get_fragment(int(number))
    for batch in fragment.to_batches(batch_size=BATCH_ROWS):
        yield pa.Table.from_batches([batch])


def schema(file: str, filesystem: pafs.FileSystem, options: ReaderOptions) -> pa.Schema:  # noqa: ARG001
    """The columns of the data set."""
    found: pa.Schema = _open(file.partition(FRAGMENT)[0], filesystem).schema
    return found


def _open(path: str, filesystem: pafs.FileSystem) -> Any:
    try:
        import lance
    except ImportError as error:
        raise InputError(
            "reading Lance needs the library pylance", where=path, expected="pip install 'embedworks[data]'"
        ) from error
    if filesystem.type_name not in SCHEMES:
        raise InputError(
            f"{path} cannot be read as Lance from here", expected="a local path, s3://, gs:// or az://"
        )
    try:
        return lance.dataset(SCHEMES[filesystem.type_name] + path)
    except (ValueError, OSError) as error:
        raise InputError(f"not a Lance data set: {first_line(error)}", where=path) from error


def _bytes(fragment: Any) -> int:
    return sum(file.file_size_bytes or 0 for file in fragment.metadata.files)
