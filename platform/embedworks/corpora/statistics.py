"""What a split's texts are like: counted a table at a time, merged part by part, kept in the manifest."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
SKETCH_LOG2 = 12  # 4,096 registers of a byte: a standard error of 1.6 % in 4 kB
DIGITS = 3  # lengths from 1,000 on are kept to three digits, so that a histogram stays small


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextStatistics(_Model):
    """One text column of one split."""

    rows: int = Field(ge=0, description="that are not null")
    nulls: int = Field(ge=0)
    characters_min: int
    characters_mean: float
    characters_max: int
    characters_quantiles: dict[str, int] = Field(description="share of rows -> length; to three digits")
    words: int = Field(description="separated by white space, over all rows")
    words_mean: float
    vocabulary_estimate: int = Field(description="distinct words, estimated: about 2 % off either way")


class SplitStatistics(_Model):
    """One split."""

    rows: int = Field(ge=0)
    duplicate_rows: int = Field(
        ge=0, description="rows that equal an earlier one of the split in every column"
    )
    text: dict[str, TextStatistics] = Field(default_factory=dict)


class TextTally:
    """Counts of one text column that can be added up."""

    def __init__(self) -> None:
        from datasketches import hll_sketch, tgt_hll_type

        self.nulls = 0
        self.words = 0
        self.characters = 0
        self.least, self.most = 0, 0
        self.lengths: Counter[int] = Counter()
        self.sketch: Any = hll_sketch(SKETCH_LOG2, tgt_hll_type.HLL_8)

    def add(self, column: pa.ChunkedArray) -> None:
        """Count the values of a column of text."""
        self.nulls += column.null_count
        texts = column.drop_null()
        if not len(texts):
            return
        lengths = pc.utf8_length(texts)
        self._add_lengths(Counter(lengths.to_pylist()))
        words = pc.list_flatten(pc.utf8_split_whitespace(texts))
        words = words.filter(pc.not_equal(words, ""))
        self.words += len(words)
        for word in pc.unique(words).to_pylist():
            self.sketch.update(word)

    def merge(self, other: TextTally) -> None:
        """Add another part's counts."""
        from datasketches import hll_union, tgt_hll_type

        if other.lengths:
            self._widen(other.least, other.most)
        self.nulls += other.nulls
        self.words += other.words
        self.characters += other.characters
        self.lengths.update(other.lengths)
        union = hll_union(SKETCH_LOG2)
        union.update(self.sketch)
        union.update(other.sketch)
        self.sketch = union.get_result(tgt_hll_type.HLL_8)

    def to_json(self) -> dict[str, Any]:
        """All counts, for a part's record."""
        return {
            "nulls": self.nulls,
            "words": self.words,
            "characters": self.characters,
            "least": self.least,
            "most": self.most,
            "lengths": sorted(self.lengths.items()),
            "sketch": base64.b64encode(self.sketch.serialize_compact()).decode(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TextTally:
        """The counts that :meth:`to_json` gave."""
        from datasketches import hll_sketch

        tally = cls()
        for name in ("nulls", "words", "characters", "least", "most"):
            setattr(tally, name, data[name])
        tally.lengths = Counter(dict(map(tuple, data["lengths"])))
        tally.sketch = hll_sketch.deserialize(base64.b64decode(data["sketch"]))
        return tally

    def statistics(self) -> TextStatistics:
        """The counts as a manifest shows them."""
        rows = self.lengths.total()
        return TextStatistics(
            rows=rows,
            nulls=self.nulls,
            characters_min=self.least,
            characters_mean=round(self.characters / max(rows, 1), 2),
            characters_max=self.most,
            characters_quantiles={f"{share:g}": self._quantile(share) for share in QUANTILES},
            words=self.words,
            words_mean=round(self.words / max(rows, 1), 2),
            vocabulary_estimate=round(self.sketch.get_estimate()),
        )

    def _add_lengths(self, lengths: Counter[int]) -> None:
        self._widen(min(lengths), max(lengths))
        for length, rows in lengths.items():
            self.characters += length * rows
            self.lengths[_three_digits(length)] += rows

    def _widen(self, least: int, most: int) -> None:
        self.least = min(self.least, least) if self.lengths else least
        self.most = max(self.most, most)

    def _quantile(self, share: float) -> int:
        """The least length that ``share`` of the rows do not exceed."""
        due = math.ceil(share * self.lengths.total())
        for length in sorted(self.lengths):
            due -= self.lengths[length]
            if due <= 0:
                return min(max(length, self.least), self.most)
        return 0


class SplitTally:
    """Counts of one split: rows, and each column of text."""

    def __init__(self, text_columns: Sequence[str]) -> None:
        self.rows = 0
        self.text = {name: TextTally() for name in text_columns}

    def add(self, table: pa.Table) -> None:
        """Count the rows of a table."""
        self.rows += table.num_rows
        for name, tally in self.text.items():
            tally.add(table[name])

    def merge(self, other: SplitTally) -> None:
        """Add another part's counts."""
        self.rows += other.rows
        for name, tally in self.text.items():
            tally.merge(other.text[name])

    def to_json(self) -> dict[str, Any]:
        """All counts, for a part's record."""
        return {"rows": self.rows, "text": {name: tally.to_json() for name, tally in self.text.items()}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SplitTally:
        """The counts that :meth:`to_json` gave."""
        tally = cls(())
        tally.rows = data["rows"]
        tally.text = {name: TextTally.from_json(text) for name, text in data["text"].items()}
        return tally

    def statistics(self, duplicate_rows: int) -> SplitStatistics:
        """The counts as a manifest shows them."""
        text = {name: tally.statistics() for name, tally in self.text.items()}
        return SplitStatistics(rows=self.rows, duplicate_rows=duplicate_rows, text=text)


def text_columns(schema: pa.Schema) -> list[str]:
    """Names of the columns that hold text."""
    kinds = (pa.types.is_string, pa.types.is_large_string)
    return [field.name for field in schema if any(is_kind(field.type) for is_kind in kinds)]


def _three_digits(length: int) -> int:
    scale: int = 10 ** max(0, len(str(length)) - DIGITS)
    return (length + scale // 2) // scale * scale
