"""Byte-level BPE tokenizers, trained on a corpus's own text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from embedworks.errors import InputError

SPECIAL_TOKENS = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")  # their ids are 0 .. 4


def train_bpe(texts: Iterable[str], vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer that puts ``[CLS]`` and ``[SEP]`` round a text and knows every byte.

    Args:
        texts: What to train on, read once.
        vocab_size: Most tokens; a small corpus gives fewer.
        max_length: Longest input in tokens, recorded for readers.

    Raises:
        InputError: if the vocabulary cannot hold all 256 bytes and the special tokens.
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    least = len(alphabet) + len(SPECIAL_TOKENS)
    if vocab_size < least:
        raise InputError(f"vocab_size={vocab_size} is too small", expected=f"at least {least}")
    bpe = Tokenizer(models.BPE(unk_token="[UNK]"))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(alphabet),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return bracketed(bpe, max_length, pair="[CLS] $A [SEP] $B [SEP]")


def write_bpe(
    rows: Callable[[], Iterable[Mapping[str, Any]]], vocab_size: int, max_length: int, folder: Path
) -> None:
    """Train a tokenizer on the column ``text`` of a corpus, and write it: see :func:`train_bpe`.

    Raises:
        InputError: for a corpus without text as well.
    """
    if not any(row["text"] for row in rows()):
        raise InputError("the corpus has no text to train a tokenizer on", where="column 'text'")
    texts = (row["text"] for row in rows() if row["text"])
    train_bpe(texts, vocab_size, max_length).save_pretrained(folder)


def bracketed(pieces: Tokenizer, max_length: int, pair: str) -> PreTrainedTokenizerFast:
    """A trained tokenizer that puts ``[CLS]`` and ``[SEP]`` round a text, and knows its special tokens.

    Args:
        pieces: It, with :data:`SPECIAL_TOKENS` in its vocabulary.
        max_length: Longest input in tokens, recorded for readers.
        pair: What is put round two texts.
    """
    pieces.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair=pair,
        special_tokens=[(token, pieces.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        model_max_length=max_length,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
        mask_token="[MASK]",
    )
