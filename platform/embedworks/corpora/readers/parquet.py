"""Parquet files, a few thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from embedworks.corpora.footers import refuse_lost_rows
from embedworks.corpora.readers._features import plain, plain_schema
from embedworks.corpora.readers._rows import ReaderOptions

EXTENSIONS = (".parquet", ".pq")
Options = ReaderOptions
BATCH_ROWS = 1024


def tables(file: str, filesystem: pafs.FileSystem, options: ReaderOptions) -> Iterator[pa.Table]:  # noqa: ARG001
    """A table a batch; page checksums are verified where the file has them.

    Raises:
        InputError: through the caller, if the file is cut short or altered.
    """
    with (
        filesystem.open_input_file(file) as source,
        pq.ParquetFile(source, page_checksum_verification=True) as opened,
    ):
        rows = 0
        for batch in opened.iter_batches(BATCH_ROWS):
            rows += batch.num_rows
            yield plain(pa.Table.from_batches([batch], opened.schema_arrow), file)
        refuse_lost_rows(rows, opened.metadata.num_rows)


def schema(file: str, filesystem: pafs.FileSystem, options: ReaderOptions) -> pa.Schema:  # noqa: ARG001
    """The columns, from the footer."""
    with filesystem.open_input_file(file) as source:
        return plain_schema(pq.read_schema(source))
