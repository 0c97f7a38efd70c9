from __future__ import annotations

import pytest

from embedworks.errors import InputError
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.wordpiece import train_wordpiece

TEXTS = ["a red fish", "two red fishes", "the fisherman fishes", "a Café by the river"] * 5


def test_frequent_words_are_whole_and_the_rest_are_pieces():
    tokenizer = train_wordpiece(TEXTS, 60, 20)
    assert tokenizer.tokenize("red fish") == ["red", "fish"]
    assert tokenizer.tokenize("redder")[0] != "redder"
    assert all(piece.startswith("##") for piece in tokenizer.tokenize("fishers")[1:])
    assert len(tokenizer) <= 60


def test_inner_characters_are_ordinary_tokens():
    tokenizer = train_wordpiece(TEXTS, 60, 20)
    assert "##s" in tokenizer.get_vocab()
    assert set(tokenizer.all_special_ids) == set(range(5))
    assert "##s" not in tokenizer.tokenize("a ##s")


def test_a_text_is_framed_and_cut():
    tokenizer = train_wordpiece(TEXTS, 60, 20)
    ids = tokenizer("a red fish", truncation=True, max_length=4)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["[CLS]", "a", "red", "[SEP]"]
    assert PortableTokenizer(tokenizer).lists(["a red fish"], 4) == [ids]
    assert (tokenizer.pad_token_id, tokenizer.cls_token_id) == (0, 1)


def test_case_and_accents_are_folded_unless_told_otherwise():
    assert train_wordpiece(TEXTS, 80, 20).tokenize("CAFE") == ["cafe"]
    cased = train_wordpiece(TEXTS, 80, 20, lowercase=False)
    assert cased.tokenize("Café") == ["Café"]
    assert cased.tokenize("X") == ["[UNK]"]


def test_words_can_be_whole_whatever_their_frequency():
    rare = ["the fisherman", "a waterfall", "an ice cream", "by the river"]
    names = ["fisherman", "waterfall", "ice cream", "icicle", "river"]
    plain = train_wordpiece(TEXTS + rare, 60, 20)
    assert len(plain.tokenize("waterfall")) > 1
    whole = train_wordpiece(TEXTS + rare, 60, 20, whole=names, most_whole=10)
    for word in ("fisherman", "waterfall", "river"):
        assert whole.tokenize(word) == [word]
    assert whole.tokenize("ice cream")[-1] != "ice cream"
    assert "icicle" not in whole.get_vocab(), "no text has it"
    assert whole.get_vocab().items() >= plain.get_vocab().items()
    few = train_wordpiece(TEXTS + rare, 60, 20, whole=names, most_whole=2)
    assert few.tokenize("fisherman") == ["fisherman"]  # six times, as river; waterfall once
    assert len(few.tokenize("waterfall")) > 1


def test_the_same_texts_give_the_same_vocabulary():
    texts = [f"w{n * n % 97} v{n % 13} u{n}" for n in range(300)]
    first, second = (train_wordpiece(texts, 200, 20).get_vocab() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("texts", "size"), [(["a"], 5), ([], 60), ([" "], 60)])
def test_nothing_to_train_on_is_refused(texts, size):
    with pytest.raises(InputError):
        train_wordpiece(texts, size, 20)
