"""Blanks for masked next-token prediction: each token of a text is blanked with the same probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from embedworks.errors import InputError
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import check_length, flatten, pad_columns, texts_of
from embedworks.transforms.transform import Batch, Transform, row_rngs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
BLANK = "_"  # of tokenizers that have no mask token

# Shape legend: B texts, T tokens, N all tokens of all texts, end to end.


class BlankTransform(Transform):
    """Tokenises ``text`` and replaces tokens by a blank, all that are chosen: there is no 80/10/10 split.

    Special tokens stay, and so does the first token of a text: nothing in front of it could predict it.

    Args:
        tokenizer: A mask token is the blank, else ``_``.
        length: Texts are cut to this many tokens.
        max_length: The most that the model reads.
        rate: Probability of a token to be blanked.
        seed: The blanks of a sample derive from it, the epoch and the sample's number.

    Raises:
        InputError: for a length that the model cannot read, or a tokenizer without a blank.
    """

    columns: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        length: int,
        max_length: int,
        rate: float = 0.3,
        seed: int = 0,
    ) -> None:
        self.tokens = PortableTokenizer(tokenizer)
        self.length = check_length("length", length, max_length)
        self.blank = blank_of(tokenizer)
        self.rate = rate
        self.seed = seed

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Corpus rows to ``input_ids`` (with blanks) and ``labels`` (the token at a blank, else -100)."""
        ids = self.tokens.encode(texts_of(rows, "text"), self.length)
        ids_N, lengths_B = flatten(ids)
        may_N = ~np.isin(ids_N, self.tokens.special_ids)
        may_N[(np.cumsum(lengths_B) - lengths_B)[lengths_B > 0]] = False
        draws = [
            rng.random(length)
            for rng, length in zip(row_rngs(self.seed, rows), lengths_B.tolist(), strict=True)
        ]
        blanked_N = may_N & (np.concatenate([np.zeros(0), *draws]) < self.rate)
        columns = {
            "input_ids": np.where(blanked_N, self.blank, ids_N).astype(np.int32),
            "labels": np.where(blanked_N, ids_N, IGNORED).astype(np.int32),
        }
        return pa.table({k: pa.ListArray.from_arrays(ids.offsets, v) for k, v in columns.items()})

    def collate(self, rows: pa.Table) -> Batch:
        """``input_ids``, ``labels`` and ``attention_mask``, ``(B, T)`` int64 each."""
        columns = [(rows["input_ids"], self.tokens.pad_id), (rows["labels"], IGNORED)]
        (ids_BT, labels_BT), mask_BT = pad_columns(columns, limit=self.length)
        return {"input_ids": ids_BT, "labels": labels_BT, "attention_mask": mask_BT}


def blank_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that stands for a blank.

    Raises:
        InputError: for a tokenizer with neither a mask token nor one for ``_``.
    """
    if tokenizer.mask_token_id is not None:
        return int(tokenizer.mask_token_id)
    ids = tokenizer(BLANK, add_special_tokens=False)["input_ids"]
    if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
        raise InputError("the tokenizer has no blank", expected=f"a mask token, or one token for {BLANK!r}")
    return int(ids[0])
