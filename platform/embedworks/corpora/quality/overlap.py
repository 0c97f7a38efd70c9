"""Which texts share word n-grams with a set of reference texts (GPT-3, Brown et al., 2020, appendix C).

Two texts of ``ngram`` words or more overlap if they share an n-gram of that many words. If one of them is
shorter, ``short_ngram`` words are enough, and if one is shorter still, they have to be equal. GPT-3 set
the n of a data set, between 8 and 13, by its 5th percentile in length; this sets it by pair of texts.

Legend: R texts, G n-grams.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from embedworks.corpora.quality.text import ngram_hashes, string_hashes, word_hashes, words

BLOCK = 4096
SAME, SHARED = "same text", "shared n-gram"


@dataclass(frozen=True)
class OverlapIndex:
    """Hashes of the reference texts, sorted.

    They have 64 bits: a billion lookups in a million n-grams give a false hit with odds of 1 to 20,000.

    Attributes:
        ngram: Words of an n-gram.
        short_ngram: Words of an n-gram where one text has fewer than ``ngram``.
        whole: Of whole texts.
        long: N-grams.
        short: Short n-grams of all texts.
        short_of_short: Those of texts with fewer than ``ngram`` words.
    """

    ngram: int
    short_ngram: int
    whole: np.ndarray
    long: np.ndarray
    short: np.ndarray
    short_of_short: np.ndarray

    @classmethod
    def build(cls, texts: Iterable[str], ngram: int, short_ngram: int) -> OverlapIndex:
        """Index reference texts; those without a word are left out."""
        parts = [_hashes(block, ngram, short_ngram) for block in _blocks(texts)]
        columns = zip(*parts, strict=True) if parts else [()] * 4
        empty = np.empty(0, dtype=np.uint64)
        return cls(ngram, short_ngram, *(np.unique(np.concatenate([empty, *c])) for c in columns))

    def overlaps(self, texts: Sequence[str]) -> list[tuple[str, str] | None]:
        """For each text what it shares with a reference text: (how, the words), or None."""
        split = [words(text) for text in texts]
        found: list[tuple[str, str] | None] = [None] * len(split)
        hashes_W, starts_R1 = word_hashes(split)
        is_short_R = np.diff(starts_R1) < self.ngram
        for n, hit_all, hit_short in (
            (self.short_ngram, self.short_of_short, self.short),
            (self.ngram, self.long, None),
        ):
            grams_G, first_R1 = ngram_hashes(hashes_W, starts_R1, n)
            row_G = np.repeat(np.arange(len(split)), np.diff(first_R1))
            hit_G = _isin(grams_G, hit_all)
            if hit_short is not None:
                hit_G |= is_short_R[row_G] & _isin(grams_G, hit_short)
            rows, at = np.unique(row_G[hit_G], return_index=True)
            for row, place in zip(rows.tolist(), np.flatnonzero(hit_G)[at] - first_R1[rows], strict=True):
                found[row] = (SHARED, " ".join(split[row][place : place + n]))
        same_R = _isin(_whole(split), self.whole)
        for row in np.flatnonzero(same_R).tolist():
            if split[row]:
                found[row] = (SAME, " ".join(split[row][: self.ngram]))
        return found


def _hashes(texts: Sequence[str], ngram: int, short_ngram: int) -> tuple[np.ndarray, ...]:
    split = [found for text in texts if (found := words(text))]
    hashes_W, starts_R1 = word_hashes(split)
    long_G, _ = ngram_hashes(hashes_W, starts_R1, ngram)
    short_G, first_R1 = ngram_hashes(hashes_W, starts_R1, short_ngram)
    of_short_G = np.repeat(np.diff(starts_R1) < ngram, np.diff(first_R1))
    return _whole(split), long_G, short_G, short_G[of_short_G]


def _whole(split: Sequence[Sequence[str]]) -> np.ndarray:
    return string_hashes([" ".join(text) for text in split])


def _isin(hashes: np.ndarray, sorted_set: np.ndarray) -> np.ndarray:
    place = np.searchsorted(sorted_set, hashes)
    inside = place < len(sorted_set)
    inside[inside] = sorted_set[place[inside]] == hashes[inside]
    return inside


def _blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while block := list(islice(iterator, BLOCK)):
        yield block
