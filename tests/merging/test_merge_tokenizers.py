"""One tokenizer that knows the tokens of all: tried by cutting words with it."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from embedworks.errors import InputError
from embedworks.merging.tokenizers import add_tokens, read_tokenizer, union, vocabulary_of
from helpers.tiny import tiny_tokenizer


def parsed(tokenizer):
    return json.loads(tokenizer.to_str())


def wordpiece(*words):
    return parsed(tiny_tokenizer(words).backend_tokenizer)


def pieces(tokenizer, text):
    return Tokenizer.from_str(json.dumps(tokenizer)).encode(text, add_special_tokens=False).tokens


def test_wordpiece_cuts_into_the_pieces_of_both():
    ours, theirs = wordpiece("fish"), wordpiece("zebra", "fish")
    both = union([ours, theirs])
    assert pieces(both, "fish zebra yak") == ["fish", "zebra", "y", "##a", "##k"]
    assert pieces(ours, "zebra") == ["z", "##e", "##b", "##r", "##a"], "ours is left alone"
    vocabulary = vocabulary_of(both)
    assert {**vocabulary, **vocabulary_of(ours)} == vocabulary, "the first one's ids stay"
    assert sorted(vocabulary.values()) == list(range(len(vocabulary)))


def test_unigram_and_bpe():
    def unigram(*scored):
        return parsed(Tokenizer(models.Unigram([("<unk>", 0.0), *scored], unk_id=0)))

    both = union([unigram(("ab", -1.0), ("c", -2.0)), unigram(("c", -9.0), ("abc", -1.5))])
    assert pieces(both, "abc") == ["abc"]
    assert vocabulary_of(both) == {"<unk>": 0, "ab": 1, "c": 2, "abc": 3}

    def bpe(vocabulary, merges):
        tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(vocabulary)}, merges))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        return parsed(tokenizer)

    both = union(
        [bpe(["a", "b", "ab"], [("a", "b")]), bpe(["a", "b", "c", "ab", "abc"], [("a", "b"), ("ab", "c")])]
    )
    assert pieces(both, "ab abc") == ["ab", "abc"]
    assert len(both["model"]["merges"]) == 2


def test_added_tokens_stay_whole():
    ours, theirs = wordpiece("fish"), add_tokens(wordpiece("fish"), ["[QUERY]"])
    both = union([ours, theirs])
    assert pieces(both, "[QUERY] fish") == ["[QUERY]", "fish"]
    assert vocabulary_of(add_tokens(both, ["[QUERY]"])) == vocabulary_of(both)


def test_kinds_are_not_mixed():
    other = parsed(Tokenizer(models.Unigram([("<unk>", 0.0)], unk_id=0)))
    with pytest.raises(InputError, match="Unigram and WordPiece"):
        union([wordpiece("a"), other])


def test_a_folder_without_a_tokenizer_has_none(tmp_path):
    assert read_tokenizer(tmp_path) is None
    tiny_tokenizer().save_pretrained(tmp_path)
    assert "fish" in vocabulary_of(read_tokenizer(tmp_path))


def test_older_files_are_converted(tmp_path):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fish"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert vocabulary_of(read_tokenizer(tmp_path))["fish"] == 5
