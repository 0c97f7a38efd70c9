"""Texts to token ids, safely from several threads and without hiding what is too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from embedworks.transforms.tokenizer import PortableTokenizer, TokenIds

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["TokenIds", "TokenReader"]


class TokenReader:
    """An embedder's tokenizer with and without truncation; fast ones may be used by several threads.

    Args:
        tokenizer: The embedder's tokenizer.
        max_length: Longest input in tokens, special tokens included.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
        self.max_length = max_length
        self._tokens = PortableTokenizer(tokenizer)
        self.vocabulary = self._tokens.vocabulary
        self.pad_id = self._tokens.pad_id

    def whole(self, texts: Sequence[str], prompt: str = "") -> TokenIds:
        """Ids of every text with its special tokens, however long it is."""
        return self._tokens.lists([prompt + text for text in texts], None)

    def cut(self, texts: Sequence[str], prompt: str = "") -> TokenIds:
        """Ids of every text, cut to ``max_length`` the way :meth:`Embedder.tokenize` cuts."""
        return self._tokens.lists([prompt + text for text in texts], self.max_length)
