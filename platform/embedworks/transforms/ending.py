"""Tokenizers that end every text with their end token, for decoders that are read at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenizers import processors

from embedworks.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def ended(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The tokenizer, which from now on ends every text with its end token, as it may have done before.

    A separator is the end token of a tokenizer that has no other. The rule is saved with the tokenizer; a
    text that is cut keeps its end.

    Args:
        tokenizer: A fast one; it is changed in place.

    Raises:
        InputError: for a tokenizer without an end token, or a slow one that does not end texts with it.
    """
    token = tokenizer.eos_token or tokenizer.sep_token
    if token is None:
        raise InputError("the tokenizer has no end token", expected="eos_token or sep_token")
    number = tokenizer.convert_tokens_to_ids(token)
    if tokenizer("a")["input_ids"][-1] == number:
        return tokenizer
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise InputError("this tokenizer cannot be told to end texts", expected="a fast tokenizer")
    end = processors.TemplateProcessing(
        single=f"$A {token}", pair=f"$A $B:1 {token}:1", special_tokens=[(token, number)]
    )
    before = backend.post_processor
    backend.post_processor = processors.Sequence([before, end]) if before else end
    return tokenizer
