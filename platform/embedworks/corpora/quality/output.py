"""What comes out of the filters: the corpus of the rows that stay, and a file of those that went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.corpora.atomic import new_file, new_folder
from embedworks.corpora.corpus import Corpus
from embedworks.corpora.quality.measure import ROW, chunked
from embedworks.corpora.shards import Row, write_corpus

# What a removed row is given beside its own columns.
REMOVED = pa.schema(
    [(ROW, pa.int64()), *((f"__{name}__", pa.string()) for name in ("filter", "reason", "detail"))]
)
CHUNK_ROWS = 2048


@dataclass
class Passage:
    """A split on its way through the filters.

    Attributes:
        kept_N: Numbers of the rows that are left, rising.
        gone: Removed rows, a table a filter, by the schema ``REMOVED``.
        added: New column -> a value for each row of the split; NaN for none.
    """

    kept_N: np.ndarray
    gone: list[pa.Table] = field(default_factory=list)
    added: dict[str, np.ndarray] = field(default_factory=dict)


def write_kept(out: Path, corpus: Corpus, split: str, rows: Passage, name: str, source: str) -> None:
    """The rows that are left, with new columns, and every other split as it is."""
    schema = corpus.schema
    for column in rows.added:
        schema = schema.append(pa.field(column, pa.float64()))
    chosen = {
        one: _read(corpus, one, rows.kept_N, rows.added)
        if one == split
        else _read(corpus, one, np.arange(corpus.rows(one)), dict.fromkeys(rows.added))
        for one in corpus.manifest.splits
    }
    about = corpus.manifest.model_dump(include={"description", "licence", "split_rule"})
    with new_folder(out) as partial:
        write_corpus(partial, chosen, name=name, schema=schema, source=source, **about)


def _read(
    corpus: Corpus, split: str, rows_N: np.ndarray, added: Mapping[str, np.ndarray | None]
) -> Iterator[Row]:
    for chunk in chunked(rows_N, CHUNK_ROWS):
        table = corpus.read(split, chunk)
        for column, values_R in added.items():
            values = np.full(len(chunk), np.nan) if values_R is None else values_R[chunk]
            table = table.append_column(column, pa.array(values, pa.float64(), from_pandas=True))
        yield from table.to_pylist()


def write_removed(file: Path, corpus: Corpus, split: str, gone: Sequence[pa.Table]) -> None:
    """Every removed row with its filter, reason and detail, in row order."""
    table = pa.concat_tables(gone).sort_by(ROW)
    fields = [*corpus.schema, *table.schema]
    file.parent.mkdir(parents=True, exist_ok=True)
    with (
        new_file(file) as partial,
        pq.ParquetWriter(partial, pa.schema(fields), compression="zstd") as writer,
    ):
        for start in range(0, len(table), CHUNK_ROWS):
            why = table.slice(start, CHUNK_ROWS)
            read = corpus.read(split, why[ROW].to_numpy())
            writer.write_table(pa.table([*read.columns, *why.columns], schema=pa.schema(fields)))
