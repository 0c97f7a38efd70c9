"""Corpora of texts, and which of their rows a filter keeps."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from embedworks.corpora.quality.contract import Resources
from embedworks.corpora.quality.find import make_filter
from embedworks.corpora.shards import write_corpus


def kept(
    name: str, texts: Sequence[str | None], resources: Resources | None = None, **keys: Any
) -> list[int]:
    """The texts that stay, by number; judged in one piece, without Ray."""
    return [
        row for row, verdict in enumerate(judged(name, texts, resources, **keys)) if not verdict["reason"]
    ]


def judged(
    name: str, texts: Sequence[str | None], resources: Resources | None = None, **keys: Any
) -> list[dict[str, Any]]:
    """Each text's reason and detail."""
    quality = make_filter({"name": name, **keys}, resources or Resources())
    measured = quality.measure(pa.table({"text": pa.array(texts, pa.string())}))
    return quality.judge(measured, np.arange(len(texts))).to_pylist()


def sentence(seed: int, words: int = 40) -> str:
    """Words drawn from a small vocabulary; two seeds share next to no n-gram."""
    rng = random.Random(seed)
    return " ".join(
        f"{rng.choice('bcdfgklmnprst')}{rng.choice('aeiou')}{rng.randrange(500)}" for _ in range(words)
    )


def text_corpus(folder: Path, train: Sequence[str], test: Sequence[str] = ("a test",)) -> Path:
    """A corpus of one column, in small shards."""
    splits = {"train": train, "test": test}
    rows = {split: [{"text": text} for text in texts] for split, texts in splits.items()}
    schema = pa.schema([("text", pa.string())])
    write_corpus(folder, rows, name="texts", schema=schema, shard_rows=40, row_group_rows=16)
    return folder
