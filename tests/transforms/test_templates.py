"""Prompts with a place for the text: token ids, what is cut, and which tokens are pooled."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.transforms.templates import (
    AND,
    PromptedTokenizer,
    PromptReader,
    Template,
    average,
    is_template,
    prepared,
    templates_of,
)
from embedworks.transforms.tokenizer import PortableTokenizer
from helpers.tiny import tiny_tokenizer

WORD = 'the {sentence} is in "'
ECHO = "read {text} read the {text}"
BARE = "{sentence}"


@pytest.fixture(scope="module")
def tokens() -> PortableTokenizer:
    return PortableTokenizer(tiny_tokenizer((*("the", "is", "in", "read", "bird", "fish", "red"),)))


def words(ids: list[int]) -> list[str]:
    tokenizer = tiny_tokenizer((*("the", "is", "in", "read", "bird", "fish", "red"),))
    return tokenizer.convert_ids_to_tokens(ids)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a bird", "a bird."),
        (" a bird! ", "a bird!."),  # the official list has no exclamation mark
        ("who sings?", "who sings."),
        ('the "red" bird', "the 'red' bird."),
        ('it says "sing"', "it says 'sing'"),
        ("it's 'red'", "it's 'red'"),
        ("", ""),
    ],
)
def test_a_sentence_is_prepared(text, expected):
    assert prepared(text) == expected


def test_the_form_tells_a_template():
    assert Template.of("Query: ") is None
    assert Template.of(ECHO) == Template(("read ", " read the ", ""), is_sentence=False)
    assert Template.of(WORD).is_sentence
    assert [is_template(prompt) for prompt in ("", "Query: ", WORD, f"a{AND}b")] == [
        False,
        False,
        True,
        True,
    ]
    assert templates_of(f"{WORD}{AND}{BARE}") == [WORD, BARE]
    with pytest.raises(InputError, match="two kinds"):
        Template.of("{text} or {sentence}")


def test_a_row_has_the_specials_in_front_and_none_behind(tokens):
    (row,) = PromptReader(tokens).lists(["red bird"], None, WORD)
    assert words(row) == ["[CLS]", "the", "red", "bird", ".", "is", "in", "[UNK]"]
    (plain,) = PromptReader(tokens).lists(["red bird"], None, "the ")
    assert words(plain) == ["[CLS]", "the", "red", "bird", "[SEP]"]


def test_the_text_is_cut_and_the_prompt_is_not(tokens):
    reader, text = PromptReader(tokens), "red fish bird bird bird"
    (row,) = reader.lists([text], 7, WORD)
    assert words(row) == ["[CLS]", "the", "red", "fish", "is", "in", "[UNK]"]
    # [CLS] read, read the: 4 tokens; 9 leave 5, two of them at each place.
    (row,) = reader.lists([text], 9, ECHO)
    assert words(row) == ["[CLS]", "read", "red", "fish", "read", "the", "red", "fish"]
    with pytest.raises(InputError, match="leaves none"):
        reader.lists([text], 5, WORD)


def test_what_is_pooled_follows_from_the_form(tokens):
    reader = PromptReader(tokens, [WORD, ECHO, BARE])
    rows = {prompt: reader.lists(["red bird"], None, prompt)[0] for prompt in (WORD, ECHO, BARE, "the ")}
    spans = dict(zip(rows, reader.spans(list(rows.values())), strict=True))
    assert spans[WORD] == (7, 8), "the last token"
    assert words(rows[ECHO])[slice(*spans[ECHO])] == ["red", "bird"]
    assert spans[ECHO] == (6, 8), "its second occurrence"
    assert spans[BARE] == (0, 4)
    assert spans["the "] == (0, 5), "rows of no template are pooled whole"
    assert PromptReader(tokens, ["the ", BARE]).spans(list(rows.values())) is None


def test_a_text_that_quotes_the_prompt_does_not_move_the_second_occurrence(tokens):
    reader = PromptReader(tokens, [ECHO])
    (row,) = reader.lists(["red read the fish"], None, ECHO)
    ((begin, end),) = reader.spans([row])
    assert words(row)[begin:end] == ["red", "read", "the", "fish"]


def test_an_empty_text_still_has_a_token_to_pool(tokens):
    reader = PromptReader(tokens, [ECHO, WORD])
    rows = reader.lists([""], None, ECHO) + reader.lists([""], None, WORD)
    assert reader.spans(rows) == [(3, 4), (4, 5)]
    assert words(rows[0]) == ["[CLS]", "read", "read", "the"]


def test_several_templates_are_rows_side_by_side(tokens):
    both = f"{WORD}{AND}{BARE}"
    rows = PromptReader(tokens).lists(["red", "fish"], None, both)
    assert [words(row)[1] for row in rows] == ["the", "red", "the", "fish"]
    vectors = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 4.0]], np.float32)
    assert average(vectors, 2).tolist() == [[2.0, 0.0], [0.0, 3.0]]
    assert average(vectors, 1) is vectors


def test_a_prompted_tokenizer_travels(tokens):
    made = PromptedTokenizer(tokens, WORD)
    there = pickle.loads(pickle.dumps(made))
    assert (
        there.encode(["red", "fish fish"], 12).to_pylist()
        == made.encode(["red", "fish fish"], 12).to_pylist()
    )
    assert PromptedTokenizer(tokens, "").encode(["red"], None).to_pylist() == tokens.lists(["red"], None)
    with pytest.raises(InputError, match="one template"):
        PromptedTokenizer(tokens, f"{WORD}{AND}{BARE}")
