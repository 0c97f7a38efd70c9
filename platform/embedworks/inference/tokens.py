"""Texts to token ids, safely from several threads and without hiding what is too long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from embedworks.transforms.templates import PromptReader, Span
from embedworks.transforms.tokenizer import PortableTokenizer, TokenIds

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["TokenIds", "TokenReader"]


class TokenReader:
    """An embedder's tokenizer with and without truncation; fast ones may be used by several threads.

    Args:
        tokenizer: The embedder's tokenizer.
        max_length: Longest input in tokens, special tokens included.
        prompts: The model's own, by whose form rows are known again.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, max_length: int, prompts: Iterable[str] = ()
    ) -> None:
        self.max_length = max_length
        tokens = PortableTokenizer(tokenizer)
        self.vocabulary, self.pad_id = tokens.vocabulary, tokens.pad_id
        self._reader = PromptReader(tokens, prompts)

    def whole(self, texts: Sequence[str], prompt: str = "") -> TokenIds:
        """Ids of every text with its special tokens, however long it is.

        A prompt of several templates gives as many rows a text, one behind the other.
        """
        return self._reader.lists(texts, None, prompt)

    def cut(self, texts: Sequence[str], prompt: str = "") -> TokenIds:
        """:meth:`whole`, cut to ``max_length`` the way :meth:`Embedder.tokenize` cuts."""
        return self._reader.lists(texts, self.max_length, prompt)

    def spans(self, ids: TokenIds) -> list[Span] | None:
        """From where to where each row is pooled; None where no prompt says anything of it."""
        return self._reader.spans(ids)
