"""Masking for replaced-token detection: every chosen token becomes [MASK]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from embedworks.errors import InputError
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import Ints, flatten, pad_columns
from embedworks.transforms.transform import Batch, Transform, row_rngs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Shape legend: B texts, T tokens, N all tokens of all texts, end to end, C those of
# them that may be masked, M those that are.


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
        self.tokens = PortableTokenizer(tokenizer)
        self.mask_id: int = tokenizer.mask_token_id
        self.max_length = max_length
        self.rate = rate
        self.seed = seed

    def __call__(self, rows: pa.Table) -> pa.Table:
        """``text`` to ``input_ids`` (masked) and ``labels`` (the token at a target, 0 elsewhere)."""
        texts = [text or "" for text in rows["text"].to_pylist()]
        ids = self.tokens.encode(texts, self.max_length)
        ids_N, lengths_B = flatten(ids)
        targets_M = self._targets(ids_N, lengths_B, row_rngs(self.seed, rows))
        masked_N, labels_N = ids_N.copy(), np.zeros_like(ids_N)
        labels_N[targets_M] = ids_N[targets_M]
        masked_N[targets_M] = self.mask_id
        columns = {"input_ids": masked_N, "labels": labels_N}
        return pa.table({k: pa.ListArray.from_arrays(ids.offsets, v) for k, v in columns.items()})

    def collate(self, rows: pa.Table) -> Batch:
        """``input_ids``, ``labels`` and ``attention_mask``, each ``(B, T)`` int64, padded with 0."""
        columns = [(rows["input_ids"], 0), (rows["labels"], 0)]
        (ids_BT, labels_BT), mask_BT = pad_columns(columns, multiple=1)
        return {"input_ids": ids_BT, "labels": labels_BT, "attention_mask": mask_BT}

    def _targets(self, ids_N: Ints, lengths_B: Ints, rngs: Sequence[np.random.Generator]) -> Ints:
        """Positions of the targets of all texts; special tokens are never among them."""
        candidates_N = np.logical_and.reduce([ids_N != special for special in self.tokens.special_ids])
        ends_B = np.cumsum(lengths_B)
        before_B = np.concatenate([[0], np.cumsum(candidates_N)])[[ends_B - lengths_B, ends_B]]
        wanted_B = np.rint(self.rate * lengths_B).astype(np.int64)
        drawn = [
            first + rng.choice(last - first, min(wanted, last - first), replace=False)
            for rng, wanted, first, last in zip(rngs, wanted_B.tolist(), *before_B.tolist(), strict=True)
        ]
        candidates_C: Ints = np.flatnonzero(candidates_N)
        return np.take(candidates_C, np.concatenate([np.zeros(0, np.int64), *drawn]))
