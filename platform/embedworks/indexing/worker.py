"""Embeds one unit: rows are read, looked up and tokenised in a thread ahead of the one that computes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedworks.errors import InputError
from embedworks.indexing.content import Keys, as_arrow, content_keys
from embedworks.indexing.known import KnownVectors
from embedworks.indexing.model import RowModel, open_model
from embedworks.indexing.pieces import open_pieces
from embedworks.indexing.record import UNITS, UnitRecord, load_record
from embedworks.indexing.units import Unit
from embedworks.indexing.work import Work
from embedworks.inference.engine import Vectors
from embedworks.vectors.store import open_store

BLOCK_ROWS = 4096  # read and tokenised at a time, while the block before is computed

T = TypeVar("T")

# Shape legend: N rows of a block, F of them with new content, d dimensions of a size.


@dataclass(frozen=True)
class Block:
    """Rows that are ready to be computed.

    Attributes:
        first: Row number of the first.
        keys_N: Of their content.
        kept: The columns beside the vectors.
        earlier_N: Rows of the earlier version that have the vectors; -1 for those that are computed.
        copied: Vectors of those that are there, for each size.
        fresh_F: Which new content each row that is computed has: rows of one content are computed once.
        prepared: The new contents, as the model takes them; None where there are none.
    """

    first: int
    keys_N: Keys
    kept: pa.Table
    earlier_N: NDArray[np.int64]
    copied: list[Vectors]
    fresh_F: NDArray[np.int64]
    prepared: Any


class UnitWorker:
    """One replica of the model, and the corpus; knows nothing of Ray.

    Args:
        work: What to embed.

    Raises:
        InputError: for a model that cannot be opened.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.pieces = open_pieces(work.folder, work.format)
        self.model: RowModel = open_model(work.reading, work.find)

    @cached_property
    def known(self) -> KnownVectors | None:
        """What an earlier version has, if there is one."""
        if self.work.earlier is None:
            return None
        store = open_store(self.work.earlier)
        return KnownVectors(self.work.folder / UNITS, store, [size.column for size in self.work.sizes])

    def embed(self, unit: Unit) -> UnitRecord:
        """Embed a unit, write its rows, then its record; one that has a record is not done again.

        Raises:
            InputError: for rows that cannot be read.
        """
        if done := load_record(self.work.folder, unit, self.pieces):
            return done
        started = time.monotonic()
        tables, reused, tokens = [], 0, 0
        for block in ahead(self._blocks(unit)):
            tables.append(self._table(block))
            reused += int((block.earlier_N >= 0).sum())
            tokens += self.model.cost(block.prepared) if block.prepared is not None else 0
        stored = self.pieces.write(unit.number, pa.concat_tables(tables))
        record = UnitRecord(
            number=unit.number,
            first=unit.first,
            rows=unit.rows,
            reused=reused,
            tokens=tokens,
            seconds=time.monotonic() - started,
            stored=tuple(stored),
        )
        record.save(self.work.folder)
        return record

    def _blocks(self, unit: Unit) -> Iterator[Block]:
        for first in range(unit.first, unit.stop, BLOCK_ROWS):
            yield self._block(first, min(BLOCK_ROWS, unit.stop - first))

    def _block(self, first: int, rows: int) -> Block:
        work = self.work
        table = work.corpus.read(work.split, np.arange(first, first + rows), work.columns)
        values = self._values(table[work.reading.column], first)
        keys_N = content_keys(values)
        earlier_N = self.known.find(keys_N) if self.known else np.full(rows, -1)
        copied = self.known.vectors(earlier_N[earlier_N >= 0]) if self.known else []
        missing_F = np.flatnonzero(earlier_N < 0)
        _, one_of, fresh_F = np.unique(keys_N[missing_F], return_index=True, return_inverse=True)
        contents = [values[row] for row in missing_F[one_of].tolist()]
        prepared = self.model.prepare(contents) if contents else None
        names = {name: table[column] for name, column in work.keep}
        return Block(first, keys_N, pa.table(names), earlier_N, copied, fresh_F, prepared)

    def _values(self, column: pa.ChunkedArray, first: int) -> list[Any]:
        values: list[Any] = column.to_pylist()
        if not self.work.reading.images:
            return [as_texts(value) for value in values]
        for row, value in enumerate(values, first):
            if value is None:
                what = f"row {row} of split {self.work.split!r} has no picture"
                raise InputError(what, where=str(self.work.corpus.folder), expected="a file's bytes")
        return values

    def _table(self, block: Block) -> pa.Table:
        rows = len(block.keys_N)
        is_new_N = block.earlier_N < 0
        fresh = self.model.vectors(block.prepared) if block.prepared is not None else []
        columns: list[Any] = [pa.array(np.arange(block.first, block.first + rows)), as_arrow(block.keys_N)]
        columns += block.kept.columns
        for index, (_, dimensions) in enumerate(self.work.reading.sizes):
            vectors_Nd = np.empty((rows, dimensions), np.float32)
            if fresh:
                vectors_Nd[is_new_N] = fresh[index][block.fresh_F]
            if not is_new_N.all():
                vectors_Nd[~is_new_N] = block.copied[index]
            flat = pa.array(vectors_Nd.reshape(-1))
            columns.append(pa.FixedSizeListArray.from_arrays(flat, dimensions))
        return pa.table(columns, schema=self.work.schema)


def as_texts(value: str | list[str | None] | None) -> str | list[str]:
    """A value of a column of texts; what is not there is an empty text."""
    if isinstance(value, list) and value:
        return [text or "" for text in value]
    return value if isinstance(value, str) else ""


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, each made in a thread while the one before is used."""
    end: Any = object()
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, items, end)
        while (item := following.result()) is not end:
            following = thread.submit(next, items, end)
            yield item
