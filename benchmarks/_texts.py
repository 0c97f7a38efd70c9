"""Texts of a stated length, of the built-in ``python-docs``: the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from _corpora import cache_folder

from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.ensure import ensure_corpus
from embedworks.corpora.manifest import MANIFEST_FILE
from embedworks.corpora.shards import write_corpus
from embedworks.folder import resolve_model

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
LONGEST = 256  # tokens that the model reads
SHORT = 11
SPECIAL = 2  # tokens that the model adds
TEXT = pa.schema([("text", pa.string())])
WORDS = (4, 10)  # of a line, drawn from this range


def texts_of(kind: str, count: int) -> list[str]:
    """Different texts in a fixed order.

    Args:
        kind: ``short`` has 11 tokens and ``long`` 256, special tokens included; ``mixed`` is questions and
            paragraphs as they come, but for those that the model cannot read whole.
        count: At most so many.
    """
    tokenizer = _tokenizer()
    rows = open_corpus(ensure_corpus("python-docs", cache_folder())).iter_rows("train")
    texts = list(dict.fromkeys(text for row in rows for text in (row["query"], row["positive"])))
    if kind == "mixed":  # one server cuts what is longer, another refuses
        some = texts[: 2 * count]
        return [text for text, length in zip(some, lengths_of(some), strict=True) if length <= LONGEST][
            :count
        ]
    tokens = (SHORT if kind == "short" else LONGEST) - SPECIAL
    whole = tokenizer(" ".join(texts[:4000]), add_special_tokens=False, verbose=False)["input_ids"]
    # Pieces of another round overlap those of the round before.
    rounds = (range(first, len(whole) - tokens, tokens) for first in (0, tokens // 3, 2 * tokens // 3))
    pieces = [whole[start : start + tokens] for starts in rounds for start in starts]
    decoded = list(dict.fromkeys(tokenizer.decode(piece) for piece in pieces[: 4 * count]))
    # Words that were cut in two come back as other tokens: those texts are left out.
    lengths = lengths_of(decoded)
    exact = [text for text, length in zip(decoded, lengths, strict=True) if length == tokens + SPECIAL]
    return exact[:count]


def short_corpus(folder: Path, rows: int, test: int) -> Path:
    """Different texts of 11 tokens in two splits, every n-th one for ``test``."""
    texts = texts_of("short", rows + test)
    step = max(2, len(texts) // test)
    apart = {"test": texts[::step], "train": [text for i, text in enumerate(texts) if i % step]}
    splits = {name: ({"text": text} for text in some) for name, some in apart.items()}
    write_corpus(folder, splits, name=folder.name, schema=TEXT)
    return folder


def line_corpus(rows: int) -> Path:
    """Short lines of words drawn from the documentation, kept between runs."""
    folder = cache_folder() / f"lines-{rows}"
    if not (folder / MANIFEST_FILE).is_file():
        write_corpus(folder, {"train": _lines(rows)}, name=folder.name, schema=TEXT, shard_rows=65_536)
    return folder


def _lines(rows: int) -> Iterator[dict[str, str]]:
    docs = open_corpus(ensure_corpus("python-docs", cache_folder())).iter_rows("train")
    words = np.array(" ".join(row["positive"] for row in docs).split())
    rng = np.random.default_rng(0)
    for first in range(0, rows, 10_000):
        sizes = rng.integers(*WORDS, min(10_000, rows - first))
        drawn = words[rng.integers(0, len(words), int(sizes.sum()))]
        for line in np.split(drawn, np.cumsum(sizes)[:-1]):
            yield {"text": " ".join(line)}


def lengths_of(texts: list[str]) -> list[int]:
    """Tokens of each, special ones included, however long it is."""
    return [len(ids) for ids in _tokenizer()(texts, verbose=False)["input_ids"]]


def _tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(resolve_model(MODEL))
