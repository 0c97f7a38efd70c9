"""Token prepending, by hand and on a tiny decoder."""

from __future__ import annotations

import pytest
import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.inference.backends.opening import open_backend
from embedworks.inference.backends.protocol import Setting
from embedworks.nn.encoder import last_states, layer_stack, layer_states
from embedworks.nn.token_prepending import (
    PLACEHOLDER,
    TokenPrepending,
    add_placeholder,
    set_token_prepending,
    token_prepending_of,
)
from helpers.tiny import tiny_decoder

TEXT = f"{PLACEHOLDER} the red bird"
LAYERS = 4


@pytest.fixture
def embedder() -> Embedder:
    return tiny_decoder(layers=LAYERS, pooling="last")


def rule(embedder: Embedder, first: int, end: int) -> int:
    token = add_placeholder(embedder.encoder, embedder.tokenizer, seed=1)
    set_token_prepending(embedder.encoder, TokenPrepending(token, first, end))
    return token


def incoming(embedder: Embedder, texts: list[str], first: int, end: int) -> list[torch.Tensor]:
    """What enters each layer, as a spy behind the rule's own hooks sees it."""
    seen: list[torch.Tensor] = []
    rule(embedder, first, end)
    handles = []
    for layer in layer_stack(embedder.encoder):
        forward = layer.forward

        def spied(states, *args, _forward=forward, **kwargs):
            seen.append(states.clone())
            return _forward(states, *args, **kwargs)

        layer.forward = spied
        handles.append((layer, forward))
    with torch.no_grad():
        last_states(embedder.encoder, *embedder.tokenize(texts).values())
    for layer, forward in handles:
        layer.forward = forward
    return seen


def test_only_the_placeholder_differs_on_entering_its_layer(embedder):
    plain = incoming(embedder, [TEXT], 1, 1)
    one = incoming(embedder, [TEXT], 1, 2)
    at = embedder.tokenize([TEXT])["input_ids"][0].tolist().index(rule(embedder, 1, 2))
    torch.testing.assert_close(one[0], plain[0])
    differs = (one[1] - plain[1]).abs().amax(-1)[0] > 0
    assert differs.nonzero().flatten().tolist() == [at]
    torch.testing.assert_close(one[1][0, at], plain[1][0, -1])  # a copy of the last token's
    assert ((one[2] - plain[2]).abs().amax(-1)[0] > 0)[at:].all(), "all behind it have seen the copy"


def test_an_empty_range_overwrites_nothing(embedder):
    rule(embedder, 2, 2)
    ids, mask = embedder.tokenize([TEXT]).values()
    found = last_states(embedder.encoder, ids, mask)
    set_token_prepending(embedder.encoder, None)
    assert token_prepending_of(embedder.encoder) is None
    torch.testing.assert_close(found, last_states(embedder.encoder, ids, mask), atol=0, rtol=0)


def test_texts_without_a_placeholder_are_read_as_ever_and_padding_changes_nothing(embedder):
    texts = [TEXT, "a stone", f"{PLACEHOLDER} a bird and a fish sing in the river"]
    before = embedder.encode(["a stone"])
    rule(embedder, 1, 3)
    together = embedder.encode(texts)
    torch.testing.assert_close(together[1:2], before)
    for one, text in zip(together, texts, strict=True):
        torch.testing.assert_close(one[None], embedder.encode([text]), atol=1e-5, rtol=0)


def test_all_layers_and_a_cut_one_follow_the_rule(embedder):
    rule(embedder, 1, 3)
    ids, mask = embedder.tokenize([TEXT]).values()
    states = layer_states(embedder.encoder, ids, mask)
    torch.testing.assert_close(states[-1], last_states(embedder.encoder, ids, mask))
    assert len(states) == LAYERS
    shallow = embedder.encode([TEXT], layers=2)
    set_token_prepending(embedder.encoder, None)
    assert (shallow - embedder.encode([TEXT], layers=2)).abs().max() > 1e-4


def test_the_rule_is_saved(embedder, tmp_path):
    rule(embedder, 1, 3)
    opened = Embedder.load(embedder.save(tmp_path / "m"))
    assert token_prepending_of(opened.encoder) == token_prepending_of(embedder.encoder)
    torch.testing.assert_close(opened.encode([TEXT]), embedder.encode([TEXT]))


def test_a_placeholder_is_one_new_token_and_is_added_once(embedder):
    before = len(embedder.tokenizer)
    token = add_placeholder(embedder.encoder, embedder.tokenizer, seed=1)
    assert token == before == add_placeholder(embedder.encoder, embedder.tokenizer, seed=2)
    table = embedder.encoder.get_input_embeddings().weight
    assert len(table) == before + 1
    assert table[token].std().item() == pytest.approx(table[:token].std().item(), rel=0.5)


def test_other_backends_and_ranges_are_refused(embedder):
    with pytest.raises(InputError, match="no range"):
        TokenPrepending(3, 2, 1)
    rule(embedder, 1, 2)
    setting = Setting.of(embedder, 0, "fp32", torch.device("cpu"))
    with pytest.raises(InputError, match="no token prepending"):
        open_backend("compile", setting)
