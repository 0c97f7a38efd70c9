"""length, charset and language: filters that look at one text."""

from __future__ import annotations

import pytest

from embedworks.errors import InputError
from helpers.quality import judged, kept

ENGLISH = "The list is sorted in place, and the method returns nothing at all."
GERMAN = "Die Liste wird an Ort und Stelle sortiert, und es kommt gar nichts zurück."
FRENCH = "La liste est triée sur place et la méthode ne renvoie rien du tout."


def test_length_in_words_and_characters():
    texts = ["one two three", "one", "one two three four five", "a-b-c", "", None, "abcdefghijklmnop q"]
    keys = {"column": "text", "min_words": 2, "max_words": 4, "max_characters": 15}
    assert kept("length", texts, **keys) == [0, 3]
    found = judged("length", texts, **keys)
    assert [found[row]["reason"] for row in (1, 2, 6)] == [
        "fewer than 2 words",
        "more than 15 characters",
        "more than 15 characters",
    ]
    assert found[1]["detail"] == "1"


def test_length_in_tokens(tiny_folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    texts = ["red fish " * count for count in range(1, 80, 6)]
    sizes = [
        len(tokenizer(text, add_special_tokens=False, truncation=False)["input_ids"]) for text in texts
    ]
    expected = [row for row, size in enumerate(sizes) if 20 <= size <= 100]
    keys = {"column": "text", "min_tokens": 20, "max_tokens": 100, "model": str(tiny_folder)}
    assert 0 < len(expected) < len(texts)
    assert kept("length", texts, **keys) == expected


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "no limit"),
        ({"min_words": 3, "max_words": 2}, "min_words is above max_words"),
        ({"min_tokens": 3}, "need each other"),
        ({"min_wordz": 3}, "did you mean 'min_words'"),
    ],
)
def test_length_refuses_limits_that_make_no_sense(keys, message):
    with pytest.raises(InputError, match=message):
        kept("length", [], column="text", **keys)


def test_charset_by_share_of_letters():
    texts = ["plain words", "a = {1: 2, 3: 4}", "", "12345", "e\u0301te\u0301", "ab12"]
    assert kept("charset", texts, column="text") == [0, 4, 5]


def test_charset_by_script():
    texts = [
        "plain words",
        "обычные слова",
        "mostly latin ж",
        "猫が好き",
        "naïve e\u0301te\u0301",
        "αβγ abc",
    ]
    assert kept("charset", texts, column="text", scripts=["Latin"]) == [0, 2, 4]
    assert kept("charset", texts, column="text", scripts=["Han", "Hiragana", "Cyrillic"]) == [1, 3]
    assert judged("charset", texts, column="text", scripts=["Latin"])[5] == {
        "reason": "other scripts",
        "detail": "0.50",
    }


def test_charset_refuses_an_unknown_script():
    with pytest.raises(InputError, match="unknown script 'Klingon'"):
        kept("charset", [], column="text", scripts=["Klingon"])


def test_language_keeps_those_that_were_asked_for():
    texts = [ENGLISH, GERMAN, FRENCH, "", "1 2 3"]
    assert kept("language", texts, column="text", keep=["en"]) == [0]
    assert kept("language", texts, column="text", keep=["de", "fr"]) == [1, 2]
    reasons = [one["reason"] for one in judged("language", texts, column="text", keep=["en"])]
    assert reasons == [None, "other language", "other language", "no clear language", "no clear language"]


def test_language_is_surer_among_fewer():
    keys = {"column": "text", "keep": ["en"], "min_confidence": 0.9}
    assert kept("language", ["What does yield do?"], **keys) == []
    assert kept("language", ["What does yield do?", GERMAN], **keys, among=["en", "de"]) == [0]


def test_language_refuses_an_unknown_code():
    with pytest.raises(InputError, match="'xq'"):
        kept("language", [], column="text", keep=["xq"])
