from __future__ import annotations

import pytest

from embedworks.transforms.sentences import split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("See e.g. Table 3 of Fig. 2. It is new.", ["See e.g. Table 3 of Fig. 2.", "It is new."]),
        ("J. K. Lee wrote it. Nobody read it.", ["J. K. Lee wrote it.", "Nobody read it."]),
        ("A (so. It says) text. B.", ["A (so. It says) text.", "B."]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Version 3.11 is out. 3.12 is not.", ["Version 3.11 is out.", "3.12 is not."]),
        ("no stop at the end", ["no stop at the end"]),
        ("  spaces \n and lines.\n\nNext.  ", ["spaces and lines.", "Next."]),
        ("", []),
    ],
)
def test_where_sentences_end(text, sentences):
    assert split_sentences(text) == sentences
    assert " ".join(sentences) == " ".join(text.split())
