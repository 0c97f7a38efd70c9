"""Hugging Face data sets: repositories (``hf://datasets/owner/name``) and ``save_to_disk`` folders.

Splits are those of the data set. A repository's Parquet files are found as the library ``datasets``
finds them; a saved folder's Arrow files are those that its own ``state.json`` lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.fs as pafs

from embedworks.corpora.listing import SourceFile, list_files
from embedworks.corpora.places import Place
from embedworks.corpora.readers import parquet
from embedworks.corpora.readers._features import plain, plain_schema
from embedworks.corpora.readers._rows import ReaderOptions
from embedworks.errors import InputError

EXTENSIONS = (".arrow",)
Options = ReaderOptions
STATE, SPLITS = "state.json", "dataset_dict.json"
REPOSITORY_PARTS = 3  # datasets/owner/name


def expand(place: Place) -> list[SourceFile] | None:
    """The files of a data set with their splits; None for any other folder.

    Raises:
        InputError: for a repository without Parquet files.
    """
    if place.scheme == "hf" and len(place.path.split("/")) == REPOSITORY_PARTS:
        return repository_files(place)
    if place.scheme == "http" or not place.is_folder():
        return None
    if (place / SPLITS).is_file():
        names = json.loads((place / SPLITS).read_bytes())["splits"]
        return [file for name in names for file in _saved(place / name, name)]
    return _saved(place, "train") if (place / STATE).is_file() else None


def tables(file: str, filesystem: pafs.FileSystem, options: ReaderOptions) -> Iterator[pa.Table]:
    """A table a record batch.

    Raises:
        InputError: for images without their bytes; through the caller if the file cannot be read.
    """
    if file.endswith(parquet.EXTENSIONS):
        yield from parquet.tables(file, filesystem, options)
        return
    with (
        filesystem.open_input_stream(file, compression=None) as stream,
        pa.ipc.open_stream(stream) as reader,
    ):
        for batch in reader:
            yield plain(pa.Table.from_batches([batch], reader.schema), file)


def schema(file: str, filesystem: pafs.FileSystem, options: ReaderOptions) -> pa.Schema:
    """The columns, without reading rows."""
    if file.endswith(parquet.EXTENSIONS):
        return parquet.schema(file, filesystem, options)
    with (
        filesystem.open_input_stream(file, compression=None) as stream,
        pa.ipc.open_stream(stream) as reader,
    ):
        return plain_schema(reader.schema)


def _saved(folder: Place, split: str) -> list[SourceFile]:
    state = json.loads((folder / STATE).read_bytes())
    if state.get("_indices_data_files"):
        raise InputError(f"{folder} has an index of its rows", expected="flatten_indices() before saving")
    names = [entry["filename"] for entry in state["_data_files"]]
    return [replace(file, split=split) for name in names for file in list_files(folder / name)]


def repository_files(place: Place) -> list[SourceFile]:
    """The Parquet files of a repository by split, as the library ``datasets`` finds them.

    Raises:
        InputError: if there are none, or the hub does not answer.
    """
    from datasets.data_files import get_data_patterns, resolve_pattern

    with place.reading():
        patterns = get_data_patterns(str(place))
        found = {
            str(split): sorted({file for pattern in globs for file in resolve_pattern(pattern, str(place))})
            for split, globs in patterns.items()
        }
    chosen = [
        replace(file, split=split)
        for split, names in found.items()
        for name in names
        if name.endswith(parquet.EXTENSIONS)
        for file in list_files(name)
    ]
    if not chosen:
        raise InputError(
            f"{place} has no Parquet files", expected="a data set in Parquet, or a glob of its files"
        )
    return chosen
