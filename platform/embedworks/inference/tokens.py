"""Texts to token ids, safely from several threads and without hiding what is too long."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

TokenIds = list[list[int]]


class TokenReader:
    """A tokenizer with and without truncation.

    transformers sets truncation and padding on the tokenizer it shares at every call, which is not
    safe from two threads. A fast tokenizer is therefore copied, once for each way it is used; a slow
    one is called as it is and must stay in one thread.

    Args:
        tokenizer: The embedder's tokenizer.
        max_length: Longest input in tokens, special tokens included.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
        self.max_length = max_length
        self.vocabulary = len(tokenizer)
        pad_id = tokenizer.pad_token_id
        self.pad_id = int(pad_id) if pad_id is not None else 0
        self._slow = tokenizer
        backend = getattr(tokenizer, "backend_tokenizer", None)
        self._whole = _copy(backend) if isinstance(backend, Tokenizer) else None
        self._cut = _copy(backend) if isinstance(backend, Tokenizer) else None
        if self._cut:
            self._cut.enable_truncation(max_length, direction=tokenizer.truncation_side)

    def whole(self, texts: Sequence[str], prompt: str = "") -> TokenIds:
        """Ids of every text with its special tokens, however long it is."""
        prompted = [prompt + text for text in texts]
        if self._whole:
            return [encoding.ids for encoding in self._whole.encode_batch_fast(prompted)]
        return self._call(prompted, truncation=False)

    def cut(self, texts: Sequence[str], prompt: str = "") -> TokenIds:
        """Ids of every text, cut to ``max_length`` the way :meth:`Embedder.tokenize` cuts."""
        prompted = [prompt + text for text in texts]
        if self._cut:
            return [encoding.ids for encoding in self._cut.encode_batch_fast(prompted)]
        return self._call(prompted, truncation=True)

    def _call(self, texts: list[str], truncation: bool) -> TokenIds:
        ids: TokenIds = self._slow(texts, truncation=truncation, max_length=self.max_length)["input_ids"]
        return ids


def _copy(backend: Tokenizer) -> Tokenizer:
    twin: Tokenizer = Tokenizer.from_str(backend.to_str())
    twin.no_truncation()
    twin.no_padding()
    return twin
