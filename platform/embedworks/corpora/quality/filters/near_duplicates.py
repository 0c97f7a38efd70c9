"""Removes rows whose text is nearly an earlier row's, by MinHash and locality-sensitive hashing."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from embedworks.corpora.quality import minhash
from embedworks.corpora.quality.contract import FilterConfig, QualityFilter, Resources, texts_of
from embedworks.corpora.quality.filters.exact_duplicates import duplicates
from embedworks.corpora.quality.text import fold, ngram_hashes, word_hashes, words

SIGNATURE = "signature"


class Config(FilterConfig):
    """Keys of `near-duplicates`."""

    columns: tuple[str, ...] = Field(min_length=1, description="columns whose texts are compared, joined")
    threshold: float = Field(
        default=0.8, gt=0, le=1, description="estimated Jaccard similarity from which two rows are the same"
    )
    ngram: int = Field(default=5, ge=1, description="units of an n-gram; a shorter text is one n-gram")
    unit: Literal["words", "characters"] = Field(default="words", description="what n-grams are made of")
    slots: int = Field(
        default=128,
        ge=16,
        description="of a signature: 4 bytes each, and a standard error of at most 0.5 / sqrt(slots)",
    )
    seed: int = Field(default=0, ge=0, description="draws the hash functions")


class Filter(QualityFilter[Config]):
    """Keeps the first row of each connected component of similar rows.

    Signatures are computed in parallel and joined in the driver, which holds ``4 * slots`` bytes a row
    and as much again while it gathers them. Rows without a single word are left to other filters.
    """

    def __init__(self, config: Config, resources: Resources) -> None:
        super().__init__(config, resources)
        minhash.require()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are compared."""
        return self.config.columns

    def measure(self, rows: pa.Table) -> pa.Table:
        """A signature of each row; null where it has no word."""
        texts = texts_of(rows, self.columns)
        by_words = self.config.unit == "words"
        units = [words(text) if by_words else list(" ".join(fold(text).split())) for text in texts]
        grams_G, starts_N1 = ngram_hashes(*word_hashes(units), self.config.ngram, whole_short=True)
        signatures_NP = minhash.signatures(grams_G, starts_N1, self.config.slots, self.config.seed)
        packed = [
            row.tobytes() if size else None
            for row, size in zip(signatures_NP, np.diff(starts_N1), strict=True)
        ]
        return pa.table({SIGNATURE: pa.array(packed, pa.binary(4 * self.config.slots))})

    def judge(self, measured: pa.Table, rows_N: np.ndarray) -> pa.Table:
        """Every row after the first of its component is a duplicate."""
        column = measured[SIGNATURE]
        place_C = np.flatnonzero(column.is_valid().to_numpy())
        signatures_CP = self._gathered(column.drop_null(), len(place_C))
        first_N = np.arange(len(rows_N))
        first_N[place_C] = place_C[minhash.near_components(signatures_CP, self.config.threshold)]
        return duplicates(first_N, rows_N)

    def _gathered(self, column: pa.ChunkedArray, rows: int) -> np.ndarray:
        signatures_CP = np.empty((rows, self.config.slots), dtype=np.uint32)
        at = 0
        for chunk in column.chunks:
            size = chunk.type.byte_width
            data = chunk.buffers()[1][chunk.offset * size : (chunk.offset + len(chunk)) * size]
            part = np.frombuffer(data, dtype=np.uint32)
            signatures_CP[at : at + len(chunk)] = part.reshape(len(chunk), -1)
            at += len(chunk)
        return signatures_CP
