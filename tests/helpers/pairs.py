"""A tiny corpus of pairs that can be learned: a word, and the same word twice."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from embedworks.corpora.shards import write_corpus
from helpers.tiny import WORDS


def pair_corpus(folder: Path, rows: int = 96) -> Path:
    """Write ``rows`` training pairs, and as many test pairs of the same words."""
    words = [f"{a} {b}" for a in WORDS for b in WORDS if a != b][: 2 * rows]
    data = [{"query": text, "positive": f"{text} {text}", "text": text} for text in words]
    write_corpus(
        folder,
        {"train": data[:rows], "test": data[rows:]},
        name=folder.name,
        schema=pa.schema([(name, pa.string()) for name in ("query", "positive", "text")]),
        shard_rows=40,
        row_group_rows=16,
    )
    return folder
