"""Texts to token ids in Arrow, and token ids to padded tensors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from embedworks.errors import InputError

IDS = pa.list_(pa.int32())

# Shape legend: B rows, T tokens.


class PortableTokenizer:
    """A tokenizer that travels as the path of its folder, and is loaded once a process.

    Transforms are pickled into every task; a vocabulary in each of them would cost more than the task.
    A tokenizer that was made in memory, and so has no folder, travels whole.

    Args:
        tokenizer: As transformers loaded it.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer

    @property
    def pad_id(self) -> int:
        """What stands in the padding; 0 for a tokenizer that does not say."""
        return int(self.tokenizer.pad_token_id or 0)

    def __getstate__(self) -> dict[str, Any]:
        folder = Path(self.tokenizer.name_or_path or "no folder").absolute()
        return {"folder": folder} if folder.is_dir() else {"tokenizer": self.tokenizer}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.tokenizer = _load(state["folder"]) if "folder" in state else state["tokenizer"]

    def encode(self, texts: Sequence[str], length: int) -> list[list[int]]:
        """Token ids of each text with its special tokens, cut to ``length``."""
        if not texts:
            return []
        tokens: Any = self.tokenizer(
            list(texts), truncation=True, max_length=length, return_attention_mask=False
        )
        ids: list[list[int]] = tokens["input_ids"]
        return ids


@lru_cache(maxsize=4)
def _load(folder: Path) -> PreTrainedTokenizerBase:
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return tokenizer


def check_length(name: str, length: int, limit: int) -> int:
    """A configured length in tokens, if the model can read that many.

    Raises:
        InputError: if not, with both numbers.
    """
    if length > limit:
        raise InputError(
            f"{name}={length} is longer than the {limit} tokens that the model reads",
            expected=f"{name} of at most {limit}",
        )
    return length


def texts_of(rows: pa.Table, column: str) -> list[str]:
    """A text column as Python strings.

    Raises:
        InputError: where a row has none.
    """
    values = rows[column]
    if values.null_count:
        row = int(np.flatnonzero(values.is_null().to_numpy())[0])
        raise InputError(f"row {row} of the batch has no text in column {column!r}", expected="a string")
    texts: list[str] = values.to_pylist()
    return texts


def pad_lists(
    lists: pa.Array | pa.ChunkedArray, value: int, *, multiple: int = 8, limit: int | None = None
) -> tuple[Tensor, Tensor]:
    """Stack lists of integers, padded on the right.

    Args:
        lists: An Arrow ``list<int32>`` column of B rows.
        value: What stands in the padding.
        multiple: The width is rounded up to a multiple of this, which suits matrix units and keeps
            the number of different shapes small.
        limit: A width that rounding never exceeds.

    Returns:
        ``(B, T)`` int64 ids and ``(B, T)`` int64 mask, 1 for real entries.
    """
    array = pa.concat_arrays(lists.chunks) if isinstance(lists, pa.ChunkedArray) else lists
    lengths_B = np.asarray(array.value_lengths()).astype(np.int64)
    width = -(-max(int(lengths_B.max(initial=1)), 1) // multiple) * multiple
    width = min(width, limit) if limit else width
    mask_BT = np.arange(width)[None, :] < lengths_B[:, None]
    padded_BT = np.full(mask_BT.shape, value, dtype=np.int64)
    padded_BT[mask_BT] = np.asarray(array.flatten())
    return torch.from_numpy(padded_BT), torch.from_numpy(mask_BT.astype(np.int64))
