"""Texts to words, and words to hashes of their n-grams.

Legend: W words of all texts one after the other, R texts, G n-grams.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import regex
from pandas.util import hash_array

# Scripts that are written without spaces: a character is as good as a word.
_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = regex.compile(rf"[{_SPACELESS}]|[[\p{{L}}\p{{M}}\p{{N}}_]--[{_SPACELESS}]]+", regex.V1)
_ASCII_WORD = re.compile(r"\w+", re.ASCII)  # the same for ASCII, in a quarter of the time
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd


def fold(text: str) -> str:
    """The text in NFKC, without case."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold()


def words(text: str) -> list[str]:
    """The words of a folded text: letters, marks, digits and underscores; no punctuation.

    Example:
        >>> words("Don't panic, 猫です")
        ['don', 't', 'panic', '猫', 'で', 'す']
    """
    text = fold(text)
    found: list[str] = (_ASCII_WORD if text.isascii() else _WORD).findall(text)
    return found


def string_hashes(strings: Sequence[str]) -> np.ndarray:
    """``(N,)`` uint64, the same in every process."""
    hashes: np.ndarray = hash_array(np.array(strings, dtype=object), categorize=False)
    return hashes


def word_hashes(texts: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
    """``(W,)`` hashes of all words, and ``(R + 1,)`` where each text begins."""
    hashes_W = string_hashes([word for text in texts for word in text])
    return hashes_W, np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])


def ngram_hashes(
    hashes_W: np.ndarray, starts_R1: np.ndarray, n: int, *, whole_short: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of every text's n-grams; none goes across two texts.

    Args:
        hashes_W: Hashes of the words.
        starts_R1: Where each text begins, and the end.
        n: Words of an n-gram.
        whole_short: Take a text of fewer words as one n-gram; otherwise it has none.

    Returns:
        ``(G,)`` uint64 in the order of the texts, and ``(R + 1,)`` where each text's begin.
    """
    lengths_R = np.diff(starts_R1)
    counts_R = np.maximum(lengths_R - n + 1, ((lengths_R > 0) & whole_short).astype(np.int64))
    counts_R = np.maximum(counts_R, 0)
    out_R1 = np.concatenate([[0], np.cumsum(counts_R)])
    grams_G = np.empty(out_R1[-1], dtype=np.uint64)
    for size in range(1 if whole_short else n, n + 1):
        mine_R = lengths_R >= n if size == n else lengths_R == size
        first = np.repeat(starts_R1[:-1][mine_R] - out_R1[:-1][mine_R], counts_R[mine_R])
        place = _ranges(out_R1[:-1][mine_R], counts_R[mine_R])
        grams_G[place] = _rolled(hashes_W, first + place, size)
    return grams_G, out_R1


def mixed(hashes: np.ndarray) -> np.ndarray:
    """MurmurHash3's finaliser: every bit of a hash depends on every other."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        hashes = (hashes ^ (hashes >> np.uint64(33))) * np.uint64(factor)
    final: np.ndarray = hashes ^ (hashes >> np.uint64(33))
    return final


def combined(columns: Sequence[np.ndarray]) -> np.ndarray:
    """One hash for several in order: a polynomial modulo 2**64, mixed."""
    total = columns[0].astype(np.uint64)
    for column in columns[1:]:
        total = total * _FACTOR + column.astype(np.uint64)
    return mixed(total)


def _rolled(hashes_W: np.ndarray, first_G: np.ndarray, size: int) -> np.ndarray:
    return combined([hashes_W[first_G + offset] for offset in range(size)])


def _ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """``start .. start + count - 1`` for each, one after the other."""
    before = np.cumsum(counts) - counts
    places: np.ndarray = np.arange(counts.sum()) + np.repeat(starts - before, counts)
    return places
