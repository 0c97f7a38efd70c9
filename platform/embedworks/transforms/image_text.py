"""Images with their texts: pixels beside token ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from embedworks.transforms.images import ImageReader, stack_pixels
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.tokens import check_length, pad_lists, texts_of
from embedworks.transforms.transform import Batch, Transform, row_rngs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class ImageTextTransform(Transform):
    """Decodes, cuts and mirrors the image, and tokenises the text.

    Args:
        reader: How a file becomes pixels.
        tokenizer: The text tower's.
        length: Texts are cut to this many tokens.
        max_length: The most that the text tower reads; a length beyond it is refused.
        seed: Places of crops, and which images are mirrored, derive from it.

    Raises:
        InputError: if ``length`` exceeds ``max_length``.
    """

    columns: ClassVar[tuple[str, ...]] = ("image", "text")

    def __init__(
        self,
        reader: ImageReader,
        tokenizer: PreTrainedTokenizerBase,
        *,
        length: int,
        max_length: int,
        seed: int = 0,
    ) -> None:
        self.reader = reader
        self.tokens = PortableTokenizer(tokenizer)
        self.length = check_length("length", length, max_length)
        self.seed = seed

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Corpus rows to ``pixels`` and ``input_ids``.

        Raises:
            InputError: for a row without a text, or whose image cannot be read.
        """
        return pa.table(
            {
                "pixels": self.reader.column(rows["image"], row_rngs(self.seed, rows)),
                "input_ids": self.tokens.encode(texts_of(rows, "text"), self.length),
            }
        )

    def collate(self, rows: pa.Table) -> Batch:
        """Stack model rows.

        Returns:
            ``pixels`` ``(B, 3, S, S)`` uint8, ``input_ids`` and ``attention_mask`` ``(B, T)`` int64.
        """
        ids_BT, mask_BT = pad_lists(rows["input_ids"], self.tokens.pad_id, limit=self.length)
        pixels_B3SS = stack_pixels(rows["pixels"], self.reader.size)
        return {"pixels": pixels_B3SS, "input_ids": ids_BT, "attention_mask": mask_BT}
