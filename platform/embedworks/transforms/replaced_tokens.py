"""Masking for replaced-token detection: every chosen token becomes [MASK]."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from embedworks.errors import InputError
from embedworks.transforms.transform import EPOCH, SAMPLE, Batch, Transform, sample_rng

# Shape legend: B texts, T tokens.


class MaskAllChosen(Transform):
    """Tokenises a text and replaces round(rate * T) of its tokens by [MASK], all of them.

    There is no 80/10/10 split: the generator of ELECTRA-style training sees [MASK] at every target.
    The targets are drawn uniformly without replacement. (The authors' code takes one token out of
    each window of six and stops at the same count; that never masks the end of a long text.) Texts
    too short for one target (T of 3 or less at rate 0.15) have none.

    Args:
        tokenizer: With ``[MASK]``, and ``[PAD]`` at id 0, which stands for "no target" in the labels.
        max_length: Longest text in tokens, special tokens included; longer texts are cut.
        rate: Share of tokens to mask, counted over all T tokens, specials included.
        seed: Seed of the stage.

    Raises:
        InputError: for a tokenizer without these two tokens.
    """

    columns: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, *, max_length: int, rate: float = 0.15, seed: int = 0
    ) -> None:
        if tokenizer.pad_token_id != 0 or tokenizer.mask_token_id is None:
            raise InputError("the tokenizer cannot mask", expected="[PAD] with id 0, and a mask token")
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.rate = rate
        self.seed = seed

    def __call__(self, rows: pa.Table) -> pa.Table:
        """``text`` to ``input_ids`` (masked) and ``labels`` (the token at a target, 0 elsewhere)."""
        texts = [text or "" for text in rows["text"].to_pylist()]
        tokens = self.tokenizer(texts, truncation=True, max_length=self.max_length)["input_ids"]
        keys = zip(rows[EPOCH].to_pylist(), rows[SAMPLE].to_pylist(), strict=True)
        masked = [
            self.mask(np.asarray(ids, np.int32), sample_rng(self.seed, epoch, sample))
            for ids, (epoch, sample) in zip(tokens, keys, strict=True)
        ]
        kind = pa.list_(pa.int32())
        ids, labels = ([pair[i] for pair in masked] for i in (0, 1))
        return pa.table({"input_ids": pa.array(ids, kind), "labels": pa.array(labels, kind)})

    def mask(
        self, ids_T: NDArray[np.int32], rng: np.random.Generator
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Masked ids and labels of one text, both ``(T,)``; special tokens are never targets."""
        candidates = np.flatnonzero(~np.isin(ids_T, self.tokenizer.all_special_ids))
        count = min(round(self.rate * len(ids_T)), len(candidates))
        targets = rng.choice(candidates, count, replace=False)
        masked_T, labels_T = ids_T.copy(), np.zeros_like(ids_T)
        labels_T[targets] = ids_T[targets]
        masked_T[targets] = self.tokenizer.mask_token_id
        return masked_T, labels_T

    def collate(self, rows: pa.Table) -> Batch:
        """``input_ids``, ``labels`` and ``attention_mask``, each ``(B, T)`` int64, padded with 0."""
        ids_BT, mask_BT = _pad(rows["input_ids"])
        labels_BT, _ = _pad(rows["labels"])
        return {"input_ids": ids_BT, "labels": labels_BT, "attention_mask": mask_BT}


def _pad(column: Any) -> tuple[torch.Tensor, torch.Tensor]:
    lists = column.combine_chunks()
    lengths_B = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    real_BT = np.arange(lengths_B.max(initial=0)) < lengths_B[:, None]
    padded_BT = np.zeros(real_BT.shape, np.int64)
    padded_BT[real_BT] = lists.flatten().to_numpy(zero_copy_only=False)
    return torch.from_numpy(padded_BT), torch.from_numpy(real_BT.astype(np.int64))
