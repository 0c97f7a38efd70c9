"""CSV and TSV with a header. Every column is text unless ``types`` says otherwise: 007 stays 007."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.fs as pafs
from pydantic import Field

from embedworks.corpora.readers._rows import TypedOptions
from embedworks.errors import InputError, first_line

EXTENSIONS = (".csv", ".tsv")


class Options(TypedOptions):
    """How the columns are told apart, and what they are."""

    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="tab for .tsv, else a comma"
    )
    names: str = Field(default="", description="column names with commas between, where there is no header")


def tables(file: str, filesystem: pafs.FileSystem, options: Options) -> Iterator[pa.Table]:
    """A table every megabyte of text; quoted values may hold line ends.

    Raises:
        InputError: naming the file, and where Arrow knows it the row, that has too many or too few
            values, is not UTF-8, or does not fit a named type.
    """
    types = options.arrow_types()
    columns = _columns(file, filesystem, options)
    if unknown := [name for name in types if name not in columns]:
        what = f"no column {unknown[0]!r} to be of type {options.types[unknown[0]]}"
        raise InputError(what, where=file, name=unknown[0], known=columns)
    convert = pc.ConvertOptions(
        column_types={name: types.get(name, pa.string()) for name in columns}, strings_can_be_null=False
    )
    try:
        with _reader(file, filesystem, options, convert) as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid as error:
        raise InputError(first_line(error), where=file) from error


def _columns(file: str, filesystem: pafs.FileSystem, options: Options) -> list[str]:
    try:
        with _reader(file, filesystem, options, pc.ConvertOptions()) as reader:
            names: list[str] = reader.schema.names
    except pa.ArrowInvalid as error:
        raise InputError(first_line(error), where=file) from error
    if repeated := [name for name in names if names.count(name) > 1]:
        raise InputError(f"two columns are called {repeated[0]!r}", where=file)
    return names


def _reader(
    file: str, filesystem: pafs.FileSystem, options: Options, convert: pc.ConvertOptions
) -> pc.CSVStreamingReader:
    tabs = ".tsv" in file.rpartition("/")[2]
    return pc.open_csv(
        filesystem.open_input_stream(file, compression="detect"),
        # One thread, because only then does Arrow count the rows for its messages.
        read_options=pc.ReadOptions(
            use_threads=False, column_names=options.names.split(",") if options.names else None
        ),
        parse_options=pc.ParseOptions(
            delimiter=options.delimiter or ("\t" if tabs else ","), newlines_in_values=True
        ),
        convert_options=convert,
    )
