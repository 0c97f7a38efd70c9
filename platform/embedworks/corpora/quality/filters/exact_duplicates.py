"""Removes rows whose columns say the same as an earlier row's."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from embedworks.corpora.quality.contract import VERDICT, FilterConfig, QualityFilter
from embedworks.corpora.quality.text import fold

HASH = "hash"
HASH_BYTES = 16


class Config(FilterConfig):
    """Keys of `exact-duplicates`."""

    columns: tuple[str, ...] = Field(min_length=1, description="columns that have to agree, all of them")
    fold: bool = Field(
        default=True, description="compare after NFKC, without case, with white space as single spaces"
    )


class Filter(QualityFilter[Config]):
    """Keeps the first row of each text; 16 bytes a row are held while it judges."""

    any_type = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are compared."""
        return self.config.columns

    def measure(self, rows: pa.Table) -> pa.Table:
        """A hash of each row."""
        cells = zip(*(rows[column].to_pylist() for column in self.columns), strict=True)
        hashes = [row_hash(row, self.config.fold) for row in cells]
        return pa.table({HASH: pa.array(hashes, pa.binary(HASH_BYTES))})

    def judge(self, measured: pa.Table, rows_N: np.ndarray) -> pa.Table:
        """Every row after the first of its hash is a duplicate."""
        encoded = measured[HASH].combine_chunks().dictionary_encode()
        value_N = encoded.indices.to_numpy()
        _, first = np.unique(value_N, return_index=True)
        return duplicates(first[value_N], rows_N)


def duplicates(first_N: np.ndarray, rows_N: np.ndarray) -> pa.Table:
    """Verdicts on rows of which each is told the place of the one that it repeats, or its own."""
    repeated_N = first_N != np.arange(len(first_N))
    reasons, details = (np.full(len(first_N), None, dtype=object) for _ in VERDICT)
    reasons[repeated_N] = "duplicate"
    details[repeated_N] = [f"row {row}" for row in rows_N[first_N[repeated_N]]]
    return pa.table([pa.array(column, pa.string()) for column in (reasons, details)], schema=VERDICT)


def row_hash(cells: tuple[Any, ...], folded: bool) -> bytes:
    """16 bytes of BLAKE2b over a row's cells, each with its length: two rows that differ never meet."""
    digest = hashlib.blake2b(digest_size=HASH_BYTES)
    for cell in cells:
        data = _cell_bytes(cell, folded)
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


def _cell_bytes(cell: Any, folded: bool) -> bytes:
    if isinstance(cell, bytes):
        return b"b" + cell
    if isinstance(cell, str):
        text = " ".join(fold(cell).split()) if folded else cell
        return b"s" + text.encode("utf-8", "surrogatepass")
    if isinstance(cell, list):
        return b"l" + row_hash(tuple(cell), folded)
    return b"r" + repr(cell).encode()
