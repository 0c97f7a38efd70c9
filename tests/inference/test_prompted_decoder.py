"""A decoder under prompts: what each method pools, and what the grid of methods measures."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.inference import prompted_decoder
from embedworks.inference.prompted_decoder import (
    WORD_LENGTH,
    PromptedDecoder,
    best_example,
    geneol_vectors,
    hybrid_of,
    layer_ranks,
)
from embedworks.inference.ranks import cosines
from embedworks.inference.said_words import sparse_vectors
from embedworks.nn.sparse_words import hybrid_scores, sparse_scores
from embedworks.transforms.embedding_prompts import METAEOL, PROMPTS
from helpers.tiny import tiny_decoder

PAIRS = [("the red bird sings", "bird"), ("an old river", "river"), ("sort the numbers", "list")]
REST = [("a fish in the river", "f" * (WORD_LENGTH + 1)), ("it grows", "tree"), ("at night", "moon")]


@pytest.fixture(scope="module")
def decoder() -> PromptedDecoder:
    return PromptedDecoder(tiny_decoder(layers=3, max_length=128), seed=3, rewrite_length=3)


@pytest.mark.parametrize(
    ("method", "pooling"), [("echo", "mean"), ("echo-last", "last"), ("weighted-mean", "weighted-mean")]
)
def test_a_method_has_its_pooling_and_gives_its_prompt_to_readers(decoder, method, pooling):
    made = decoder.under(method)
    assert made.settings.pooling == pooling
    name = "echo" if "echo" in method else "bare"
    assert made.settings.prompts["STS"] == made.settings.prompts["document"] == PROMPTS[name]


def test_the_last_layer_alone_is_measured_where_words_are_needed(decoder):
    for method in ("geneol", "promptreps-hybrid"):
        assert set(layer_ranks(decoder, method, PAIRS)) == {3}
    assert set(layer_ranks(decoder, "echo", PAIRS)) == {1, 2, 3}
    assert layer_ranks(decoder, "echo", PAIRS, layers=(2,))[2] == layer_ranks(decoder, "echo", PAIRS)[2]


def test_metaeol_single_is_the_mean_over_its_prompts(decoder, monkeypatch):
    single = layer_ranks(decoder, "metaeol-single", PAIRS, layers=(3,))[3]
    each = []
    for prompt in METAEOL:
        monkeypatch.setitem(prompted_decoder.PROMPTS, "metaeol", prompt)
        each.append(layer_ranks(decoder, "metaeol", PAIRS, layers=(3,))[3])
    assert single == pytest.approx(np.mean(each))


def test_geneol_is_the_mean_of_a_text_and_of_its_rewrites(decoder, monkeypatch):
    said = iter((["a bird"], ["a song"]))
    monkeypatch.setattr(prompted_decoder, "rewritten", lambda *_, **__: next(said))
    found = geneol_vectors(decoder, ["the red bird sings"])
    texts = ["the red bird sings", "a bird", "a song"]
    vectors = [decoder.under("ke").encode([text], prompt=PROMPTS["ke"]).numpy() for text in texts]
    np.testing.assert_allclose(found, np.mean(vectors, axis=0), atol=1e-5)


def test_hybrid_scores_are_a_mixture_of_both_scaled_kinds(decoder):
    made, sides = decoder.under("promptreps"), [["an old river", "the bird"], ["river", "bird", "old"]]
    prompt = PROMPTS["promptreps"]
    dense = cosines(*(made.encode(side, prompt=prompt).numpy() for side in sides))
    sparse = sparse_scores(*(sparse_vectors(made, side, prompt) for side in sides))
    np.testing.assert_allclose(hybrid_of(made, sides), hybrid_scores(dense, sparse), atol=1e-4)


def test_a_demonstration_is_the_best_of_the_first_short_pairs(decoder):
    ranks = {
        pair: layer_ranks(decoder, "prompteol-icl", PAIRS, pair, (3,))[3]
        for pair in REST
        if pair != REST[0]
    }
    assert best_example(decoder, PAIRS, REST, 8) == max(ranks, key=lambda pair: ranks[pair])
    assert best_example(decoder, PAIRS, REST, 1) == REST[1], "the first pair is too long"
    with pytest.raises(InputError, match="demonstration"):
        best_example(decoder, PAIRS, REST[:1], 8)
