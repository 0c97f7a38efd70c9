"""Word-piece tokenizers, trained on a corpus's own text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from embedworks.errors import InputError
from embedworks.transforms.bpe import SPECIAL_TOKENS, bracketed

CHUNK = 1000  # words handed to the trainer at a time


def train_wordpiece(
    texts: Iterable[str],
    vocab_size: int,
    max_length: int,
    *,
    lowercase: bool = True,
    whole: Iterable[str] = (),
    most_whole: int = 0,
) -> PreTrainedTokenizerFast:
    """Train BERT's kind of tokenizer, which puts ``[CLS]`` and ``[SEP]`` round a text.

    A character that no text has becomes ``[UNK]``, together with its word. The same texts give the same
    vocabulary in every process.

    Args:
        texts: What to train on, read once.
        vocab_size: Most tokens; a small corpus gives fewer, and a large alphabet needs its own.
        max_length: Longest input in tokens, recorded for readers.
        lowercase: Fold case and strip accents, as uncased BERT does.
        whole: Words that become one token each, beside the ``vocab_size`` others: those that the texts
            have most often. Those of several words, or with a hyphen, cannot be one.
        most_whole: How many of them.

    Raises:
        InputError: if there is no room beside the special tokens, or not a word.
    """
    if vocab_size <= len(SPECIAL_TOKENS):
        raise InputError(
            f"vocab_size={vocab_size} is too small", expected=f"at least {len(SPECIAL_TOKENS) + 1}"
        )
    pieces = _untrained({}, lowercase)
    counts = _count_words(pieces, texts)
    if not counts:
        raise InputError("the corpus has no text to train a tokenizer on")
    vocabulary = _vocabulary(pieces, counts, vocab_size)
    for word in _most_frequent(set(whole), counts)[:most_whole]:
        vocabulary.setdefault(word, len(vocabulary))
    pieces = _untrained(vocabulary, lowercase)
    return bracketed(pieces, max_length, pair="[CLS] $A [SEP] $B:1 [SEP]:1")


def _untrained(vocabulary: dict[str, int], lowercase: bool) -> Tokenizer:
    pieces = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    pieces.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    pieces.decoder = decoders.WordPiece()
    return pieces


def _count_words(pieces: Tokenizer, texts: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        split = pieces.pre_tokenizer.pre_tokenize_str(pieces.normalizer.normalize_str(text))
        counts.update(word for word, _ in split)
    return counts


def _vocabulary(pieces: Tokenizer, counts: Counter[str], vocab_size: int) -> dict[str, int]:
    """Piece -> id, special tokens first.

    The trainer numbers inner characters in the order of a hash table, another one in every process, and
    breaks ties between pairs by these numbers. Naming them as special tokens fixes both; only what it
    learnt is kept, so that they are special no longer.
    """
    inner = sorted({f"##{character}" for word in counts for character in word[1:]})
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, special_tokens=[*SPECIAL_TOKENS, *inner], show_progress=False
    )
    pieces.train_from_iterator(_repeated(counts), trainer)
    found: dict[str, int] = pieces.get_vocab()
    return found


def _most_frequent(words: set[str], counts: Counter[str]) -> list[str]:
    """Those of the words that texts have, the most frequent first; equal ones in the order of letters."""
    found = [word for word in words if counts[word]]
    return sorted(found, key=lambda word: (-counts[word], word))


def _repeated(counts: Counter[str]) -> Iterator[str]:
    for word, count in counts.items():
        for start in range(0, count, CHUNK):
            yield " ".join([word] * min(CHUNK, count - start))
