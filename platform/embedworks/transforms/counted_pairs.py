"""Labelled pairs whose documents are told apart and counted, for a softmax over sampled documents."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedworks.errors import InputError
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import check_length, pad_lists, texts_of
from embedworks.transforms.transform import Batch, Transform

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def document_number(text: str) -> int:
    """A number that stands for a text, the same everywhere; int64.

    Example:
        >>> document_number("a") == document_number("a") != document_number("b")
        True
    """
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def write_counts(documents: Iterable[str], file: Path) -> None:
    """Count in how many pairs each document stands.

    Raises:
        InputError: if there is none.
    """
    counts = Counter(map(document_number, documents))
    if not counts:
        raise InputError("the corpus has no pair", expected="rows with `query` and `positive`")
    table = pa.table({"document": list(counts), "pairs": list(counts.values())})
    pq.write_table(table, file)


class CountedPairTransform(Transform):
    """Tokenises ``query`` and ``positive``, and says which document it is and how frequent.

    Args:
        tokenizer: The model's.
        file: What :func:`write_counts` wrote of the corpus.
        query_length: Queries are cut to this many tokens.
        document_length: Documents are cut to this many tokens.
        max_length: The most that the model reads.
        query_prompt: Text in front of queries.

    Raises:
        InputError: if a length exceeds ``max_length``.
    """

    columns: ClassVar[tuple[str, ...]] = ("query", "positive")

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        file: Path,
        *,
        query_length: int,
        document_length: int,
        max_length: int,
        query_prompt: str = "",
    ) -> None:
        self.tokens = PortableTokenizer(tokenizer)
        self.file = file
        self.query_length = check_length("query_length", query_length, max_length)
        self.document_length = check_length("document_length", document_length, max_length)
        self.query_prompt = query_prompt

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Corpus rows to tokens, the document's number, and log Q: its share of all pairs."""
        queries = [self.query_prompt + text for text in texts_of(rows, "query")]
        documents = texts_of(rows, "positive")
        numbers = [document_number(text) for text in documents]
        shares = _shares(self.file)
        return pa.table(
            {
                "query_ids": self.tokens.encode(queries, self.query_length),
                "document_ids": self.tokens.encode(documents, self.document_length),
                "document": pa.array(numbers, pa.int64()),
                "log_q": np.log([shares[number] for number in numbers]).astype(np.float32),
            }
        )

    def collate(self, rows: pa.Table) -> Batch:
        """``query_ids``, ``query_mask`` (B, T), ``document_ids``, ``document_mask`` (B, S), all int64;
        ``document`` (B,) int64 and ``log_q`` (B,) float32.
        """
        return collate_pairs(rows, self.tokens.pad_id, self.query_length, self.document_length)


def collate_pairs(rows: pa.Table, pad_id: int, query_length: int, document_length: int) -> Batch:
    """Queries and documents, padded, and whatever numbers are beside them."""
    import torch

    batch: Batch = {}
    for side, length in (("query", query_length), ("document", document_length)):
        ids_mask = pad_lists(rows[f"{side}_ids"], pad_id, limit=length)
        batch[f"{side}_ids"], batch[f"{side}_mask"] = ids_mask
    for name in ("document", "log_q", "task"):
        if name in rows.column_names:
            batch[name] = torch.from_numpy(rows[name].to_numpy().copy())
    return batch


@lru_cache(maxsize=4)
def _shares(file: Path) -> dict[int, float]:
    table = pq.read_table(file)
    counts = np.asarray(table["pairs"], np.float64)
    return dict(zip(table["document"].to_pylist(), (counts / counts.sum()).tolist(), strict=True))
