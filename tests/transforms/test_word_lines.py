"""Lines that end with the word they explain."""

from __future__ import annotations

import pyarrow as pa

from embedworks.transforms.word_lines import WordLineTransform, line_of
from helpers.tiny import tiny_tokenizer


def test_a_line_ends_with_its_word():
    assert line_of({"text": "A small dog. ", "word": "puppy"}) == 'A small dog, in one word: "puppy"'
    assert line_of({"text": "A small dog.", "word": None}) == "A small dog."
    assert line_of({"text": "A small dog."}) == "A small dog."


def test_rows_with_and_without_a_word_in_one_batch():
    transform = WordLineTransform(tiny_tokenizer(), length=24, max_length=24)
    both = transform(pa.table({"text": ["a bird", "a fish"], "word": ["red", None]}))
    texts = tiny_tokenizer().batch_decode(both["input_ids"].to_pylist())
    assert texts[0].startswith("[CLS] a bird, in one word")
    assert "red" in texts[0]
    assert texts[1] == "[CLS] a fish [SEP]"
    plain = transform(pa.table({"text": ["a fish"]}))
    assert plain["input_ids"].to_pylist()[0] == both["input_ids"].to_pylist()[1]
