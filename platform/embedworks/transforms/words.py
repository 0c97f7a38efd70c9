"""Which tokens make a word: for masks that hide whole words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers

from embedworks.transforms.tokens import Ints

# Shape legend: B texts, N all tokens of all texts, end to end, V vocabulary.


def number_words(index_N: Ints, lengths_B: Ints) -> Ints:
    """Number the words of all texts one after the other.

    Args:
        index_N: For each token the index of its word in its text, as fast tokenizers report it; -1 for
            special tokens, which belong to no word.
        lengths_B: Tokens of each text.

    Returns:
        ``(N,)`` numbers, -1 for special tokens.
    """
    starts_N = np.diff(index_N, prepend=-1) != 0
    starts_N[(np.cumsum(lengths_B) - lengths_B)[lengths_B > 0]] = True
    return _number(starts_N, index_N < 0)


def count_words(number_N: Ints, lengths_B: Ints) -> Ints:
    """``(B,)`` words of each text, from the numbers of all tokens' words."""
    last_N = np.maximum.accumulate(np.concatenate([[-1], number_N]))
    ends_B = np.cumsum(lengths_B)
    words_B: Ints = last_N[ends_B] - last_N[ends_B - lengths_B]
    return words_B


@dataclass(frozen=True)
class WordPieces:
    """BERT's tokenizers show in the ids alone where a word starts.

    Their backend takes a third longer where it has to report the words itself.

    Attributes:
        continues_V: Which pieces continue a word.
    """

    continues_V: NDArray[np.bool_]

    @classmethod
    def of(cls, backend: Tokenizer) -> WordPieces | None:
        """The pieces of a WordPiece tokenizer that splits as BERT does; None for any other.

        BERT's split makes every punctuation mark a word, so no word can begin with the ``##`` of a
        piece that continues one.
        """
        model, prefix = backend.model, "##"
        if not isinstance(backend.pre_tokenizer, pre_tokenizers.BertPreTokenizer):
            return None
        if not isinstance(model, models.WordPiece) or model.continuing_subword_prefix != prefix:
            return None
        vocabulary = backend.get_vocab()
        continues_V = np.zeros(max(vocabulary.values()) + 1, dtype=bool)
        continues_V[[id for piece, id in vocabulary.items() if piece.startswith(prefix)]] = True
        return cls(continues_V)

    def number(self, ids_N: Ints, lengths_B: Ints, before: int, behind: int) -> Ints:
        """:func:`number_words` from the ids; ``before`` and ``behind`` special tokens frame each text."""
        special_N = np.zeros(len(ids_N), dtype=bool)
        ends_B = np.cumsum(lengths_B)
        first_B = ends_B - lengths_B
        for offset in range(before):
            special_N[first_B + offset] = True
        for offset in range(behind):
            special_N[ends_B - 1 - offset] = True
        starts_N = ~self.continues_V[ids_N]
        # A text cut at its front may begin within a word.
        starts_N[(first_B + before)[lengths_B > before + behind]] = True
        return _number(starts_N, special_N)


def _number(starts_N: NDArray[np.bool_], special_N: NDArray[np.bool_]) -> Ints:
    numbers_N: Ints = np.cumsum(starts_N & ~special_N) - 1
    numbers_N[special_N] = -1
    return numbers_N
