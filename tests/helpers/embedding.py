"""Small corpora and indexes of them, without Ray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from embedworks.corpora.shards import write_corpus
from embedworks.indexing.embed import Embedded, embed_corpus
from embedworks.indexing.options import FoundModel, IndexOptions
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.store import open_store
from helpers.tiny import WORDS

SCHEMA = pa.schema([("text", pa.string()), ("title", pa.string()), ("topic", pa.string())])


def texts(rows: int, seed: int = 0) -> list[str]:
    """Sentences of different lengths, of which some occur twice."""
    random = np.random.default_rng(seed)
    found = [" ".join(random.choice(WORDS, random.integers(1, 24))) for _ in range(rows)]
    return [found[row // 2] if row % 10 == 0 else found[row] for row in range(rows)]


def corpus_of(folder: Path, rows: Sequence[str], shard_rows: int = 100) -> Path:
    """A corpus of these texts, with a title and a topic each."""
    values = [
        {"text": text, "title": f"row {row}", "topic": text.split()[0]} for row, text in enumerate(rows)
    ]
    write_corpus(folder, {"train": values}, name="c", schema=SCHEMA, shard_rows=shard_rows)
    return folder


def embed_texts(model: Path, corpus: Path, index: Path, **options: Any) -> Embedded:
    """Embed a corpus in this process, in units of 64 rows."""
    run = {key: options.pop(key) for key in ("embed", "listen", "max_rows", "name") if key in options}
    run.setdefault("max_rows", 64)
    return embed_corpus(FoundModel.of_folder(model), corpus, index, IndexOptions(**options), **run)


def whole_table(index: Path, version: str | None = None) -> pa.Table:
    """All rows and columns of a version, the current one by default."""
    folder = IndexFolder.open(index)
    place = folder.folder(version or folder.record.current)
    store = open_store(place)
    record = folder.version(place.name)
    columns = ["id", "key", *record.keep, *(size.column for size in record.sizes)]
    return store.take(np.arange(record.rows), columns)


def vectors_of(table: pa.Table, column: str = "vector") -> np.ndarray:
    """``(N, d)`` of a table."""
    values = table[column].combine_chunks()
    return values.flatten().to_numpy(zero_copy_only=False).reshape(len(values), -1)
