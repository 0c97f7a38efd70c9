"""What embedding a split takes, as it is sent to every worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from embedworks.corpora.corpus import Corpus
from embedworks.indexing.content import KEY_TYPE
from embedworks.indexing.reading import Reading
from embedworks.vectors.records import ID, KEY, Size

FLOAT_BYTES = 4


@dataclass(frozen=True)
class Work:
    """Which rows, how they are read, and where their vectors go; pickles to paths and names.

    Attributes:
        reading: The model.
        corpus: The rows; it pickles to its path.
        split: Of them.
        rows: The first so many are embedded.
        keep: Name in the table and column of the corpus, of what stands beside the vectors.
        folder: Of the version that is made.
        format: ``lance`` or ``parquet``.
        earlier: Folder of a complete version whose vectors may be copied.
        find: Finds the model by its source, where this node does not have its folder.
    """

    reading: Reading
    corpus: Corpus
    split: str
    rows: int
    keep: tuple[tuple[str, str], ...]
    folder: Path
    format: str = "lance"
    earlier: Path | None = None
    find: Callable[[str], Path] | None = None

    @property
    def columns(self) -> list[str]:
        """The corpus's columns that are read."""
        return list(dict.fromkeys([self.reading.column, *(column for _, column in self.keep)]))

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Sizes with their columns, in the order of the reading's."""
        return tuple(Size.of(*pair, full=self.reading.full) for pair in self.reading.sizes)

    @property
    def vector_bytes(self) -> int:
        """What one row's vectors take."""
        return FLOAT_BYTES * sum(dimensions for _, dimensions in self.reading.sizes)

    @cached_property
    def schema(self) -> pa.Schema:
        """Of the table: number, key of the content, kept columns, vectors."""
        kept = [pa.field(name, self.corpus.schema.field(column).type) for name, column in self.keep]
        vectors = [pa.field(size.column, pa.list_(pa.float32(), size.dimensions)) for size in self.sizes]
        return pa.schema([pa.field(ID, pa.int64()), pa.field(KEY, KEY_TYPE), *kept, *vectors])
