"""Texts that end with the word they explain, for a decoder that is to say things in one word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa

from embedworks.transforms.texts import TextTransform


class WordLineTransform(TextTransform):
    """The column ``text``; a row with a ``word`` as well is a line that ends with it."""

    optional_columns: ClassVar[tuple[str, ...]] = ("word",)

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Corpus rows to ``input_ids``."""
        if "word" in rows.column_names:
            lines = [line_of(row) for row in rows.select(["text", "word"]).to_pylist()]
            rows = rows.set_column(rows.column_names.index("text"), "text", pa.array(lines, pa.string()))
        return super().__call__(rows)


def line_of(row: Mapping[str, Any]) -> str | None:
    """A row's text, with its word behind it where it has one.

    Example:
        >>> line_of({"text": "A small dog.", "word": "puppy"})
        'A small dog, in one word: "puppy"'
    """
    text, word = row["text"], row.get("word")
    return f'{text.rstrip(". ")}, in one word: "{word}"' if text and word else text
