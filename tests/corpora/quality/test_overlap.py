from __future__ import annotations

import pytest

from embedworks.corpora.quality.overlap import SAME, SHARED, OverlapIndex
from helpers.quality import sentence

LONG = sentence(1, 30).split()
MIDDLE = sentence(2, 10).split()
SHORT = sentence(3, 4).split()
INDEX = OverlapIndex.build([" ".join(text) for text in (LONG, MIDDLE, SHORT)] + ["?!"], 13, 8)


def planted(piece: list[str], words: int = 20) -> str:
    filling = sentence(99, words).split()
    return " ".join([*filling[:7], *piece, *filling[7:]])


@pytest.mark.parametrize(
    ("text", "how"),
    [
        (planted(LONG[5:18]), SHARED),
        (planted(LONG[5:17]), None),  # 12 words of two long texts
        (planted(MIDDLE[1:9]), SHARED),
        (planted(MIDDLE[1:8]), None),  # 7 words of a text of 10
        (" ".join(LONG[3:11]), SHARED),  # a row of 8 words out of a long text
        (" ".join(LONG[3:10]), None),  # a row of 7 words is compared as a whole
        (" ".join(SHORT).upper() + "!", SAME),
        (" ".join(SHORT[:3]), None),
        (planted(SHORT), None),
        (" ".join(LONG), SAME),
        ("...", None),
        ("", None),
    ],
)
def test_what_overlaps(text, how):
    (found,) = INDEX.overlaps([text])
    assert (found and found[0]) == how


def test_the_words_that_are_shared_are_told():
    (found,) = INDEX.overlaps([planted(LONG[5:18]).replace(" ", ", ").upper()])
    assert found == (SHARED, " ".join(LONG[5:18]))


def test_each_text_of_a_batch_is_judged_by_itself():
    texts = [planted(LONG[5:18]), sentence(50), " ".join(LONG[18:24]), " ".join(LONG[24:30])]
    assert [found is not None for found in INDEX.overlaps(texts)] == [True, False, False, False]


def test_an_empty_index_overlaps_with_nothing():
    assert OverlapIndex.build([], 13, 8).overlaps([sentence(1)]) == [None]
