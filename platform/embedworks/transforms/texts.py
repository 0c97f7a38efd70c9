"""Plain texts, tokenised, cut and padded."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import check_length, pad_lists, texts_of
from embedworks.transforms.transform import Batch, Transform

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class TextTransform(Transform):
    """Tokenises the column ``text``.

    Args:
        tokenizer: The model's tokenizer.
        length: Texts are cut to this many tokens.
        max_length: The most that the model reads.

    Raises:
        InputError: if ``length`` exceeds ``max_length``.
    """

    columns: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, length: int, max_length: int) -> None:
        self.tokens = PortableTokenizer(tokenizer)
        self.length = check_length("length", length, max_length)

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Corpus rows to ``input_ids``.

        Raises:
            InputError: for a row without a text.
        """
        return pa.table({"input_ids": self.tokens.encode(texts_of(rows, "text"), self.length)})

    def collate(self, rows: pa.Table) -> Batch:
        """``input_ids`` and ``attention_mask``, ``(B, T)`` int64 each."""
        ids_BT, mask_BT = pad_lists(rows["input_ids"], self.tokens.pad_id, limit=self.length)
        return {"input_ids": ids_BT, "attention_mask": mask_BT}
