"""What a decoder says about texts: weights of their words, and rewrites."""

from __future__ import annotations

import math

import pytest

from embedworks.errors import InputError
from embedworks.inference.said_words import rewritten, sparse_vectors
from embedworks.nn.next_tokens import next_token_scores
from helpers.tiny import tiny_decoder

PROMPT = 'the {sentence} is in "'
TEXTS = ["The red bird", "an old stone sings, a river", "of"]


def test_weights_are_of_a_texts_own_words_under_the_prompt():
    embedder = tiny_decoder()
    found = sparse_vectors(embedder, TEXTS, PROMPT)
    assert found[2] == {}, "a stop word alone"
    for text, words, weights in zip(
        TEXTS, (["red", "bird"], ["old", "stone", "river"]), found, strict=False
    ):
        tokens = embedder.tokenize([text], PROMPT)
        scores = next_token_scores(embedder.encoder, tokens["input_ids"], tokens["attention_mask"])[0]
        for word in words:
            token = embedder.tokenizer.convert_tokens_to_ids(word)
            expected = round(100 * math.log1p(max(0.0, float(scores[token]))))
            assert weights.get(token, 0) == pytest.approx(expected, abs=1)


def test_rewrites_are_texts_of_the_seed_and_no_special_tokens():
    embedder = tiny_decoder(max_length=48)
    one, again, other = (
        rewritten(embedder, TEXTS, "in other words", tokens=5, seed=seed) for seed in (1, 1, 2)
    )
    assert one == again != other
    assert len(one) == 3
    assert not any("[" in text or '"' in text for text in one)
    assert all(one)
    assert rewritten(embedder, TEXTS[1:2], "in other words", tokens=5, seed=1) == one[1:2]
    twice = rewritten(embedder, ["red", "red", "blue"], "in other words", tokens=5, seed=1)
    assert twice[0] == twice[1] != twice[2]


def test_a_model_with_no_room_for_a_rewrite_is_refused():
    with pytest.raises(InputError, match="leaves none"):
        rewritten(tiny_decoder(max_length=16), TEXTS, "in other words", tokens=12, seed=0)
