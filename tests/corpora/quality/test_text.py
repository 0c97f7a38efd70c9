from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedworks.corpora.quality.text import fold, ngram_hashes, word_hashes, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't panic!", ["don", "t", "panic"]),
        ("ＡＢＣ ﬁne Straße", ["abc", "fine", "strasse"]),
        ("ab私は猫x1", ["ab", "私", "は", "猫", "x1"]),
        ("कीमत é", ["कीमत", "é"]),
        ("--- !", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


def test_folding_is_the_same_for_composed_and_decomposed():
    assert fold("É") == fold("E\u0301") == "é"


@given(
    texts=st.lists(st.lists(st.sampled_from("abc"), max_size=7), max_size=6),
    n=st.integers(1, 4),
    whole=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_equal_ngrams_and_no_others_have_equal_hashes(texts, n, whole):
    hashes, starts = ngram_hashes(*word_hashes(texts), n, whole_short=whole)
    expected = [
        [tuple(text)]
        if whole and 0 < len(text) < n
        else [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]
        for text in texts
    ]
    assert np.diff(starts).tolist() == [len(grams) for grams in expected]
    flat = [gram for grams in expected for gram in grams]
    known: dict[tuple[str, ...], int] = {}
    for gram, value in zip(flat, hashes.tolist(), strict=True):
        assert known.setdefault(gram, value) == value
    assert len(set(known.values())) == len(known)
