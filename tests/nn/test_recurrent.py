"""The recurrent encoder: padding, directions, towers, layers, folders."""

from __future__ import annotations

import pytest
import torch

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.inference.engine import Engine
from embedworks.nn.encoder import cut_layers, last_states, layer_states, num_layers
from embedworks.nn.recurrent import RecurrentConfig, RecurrentEncoder
from helpers.tiny import tiny_tokenizer

A, B = 7, 8  # tokens of the towers


def encoder(seed: int = 0, **options) -> RecurrentEncoder:
    torch.manual_seed(seed)
    sizes = {"vocab_size": 120, "embedding_size": 6, "hidden_size": 8, **options}
    return RecurrentEncoder(RecurrentConfig(**sizes)).eval()


def padded(*texts: list[int], width: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(width, *map(len, texts))
    ids = torch.tensor([text + [0] * (width - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in texts])
    return ids, mask


@pytest.mark.parametrize("towers", [(), (A, B)])
def test_padding_changes_nothing_in_either_direction(towers):
    model = encoder(tower_tokens=towers, num_hidden_layers=2)
    texts = [[A, 9, 10, 11], [B, 9], [A, 12, 9]]
    together = last_states(model, *padded(*texts, width=7))
    for row, text in enumerate(texts):
        alone = last_states(model, *padded(text))[0]
        assert torch.allclose(together[row, : len(text)], alone, atol=1e-6)
        assert together[row, len(text) :].abs().sum() == 0


def test_the_state_is_that_of_torchs_lstm():
    model = encoder()
    ids, mask = padded([5, 6, 9])
    expected, _ = model.layers[0].towers[0](model.word_embeddings(ids))
    assert torch.allclose(last_states(model, ids, mask), expected, atol=1e-6)


def test_one_direction_does_not_see_what_follows():
    model = encoder(bidirectional=False)
    one, other = (last_states(model, *padded([5, 6, last]))[0] for last in (9, 10))
    assert torch.equal(one[:2], other[:2])
    both = encoder()
    one, other = (last_states(both, *padded([5, 6, last]))[0] for last in (9, 10))
    assert not torch.allclose(one[0], other[0])


def test_a_token_near_the_beginning_calls_its_tower():
    model = encoder(tower_tokens=(A, B))
    ids, _ = padded([2, B, 9], [B, 9, 9], [2, A, 9], [2, 9, B])
    assert model.towers_of(ids).tolist() == [1, 1, 0, 0]
    before = last_states(model, *padded([2, A, 9], [2, B, 9]))
    torch.nn.init.zeros_(model.layers[0].towers[1].weight_ih_l0)
    after = last_states(model, *padded([2, A, 9], [2, B, 9]))
    assert torch.equal(before[0], after[0])
    assert not torch.allclose(before[1], after[1])


def test_a_text_teaches_its_own_tower_and_the_words():
    model = encoder(tower_tokens=(A, B))
    last_states(model, *padded([2, B, 9])).sum().backward()
    first, second = model.layers[0].towers
    assert first.weight_hh_l0.grad is None
    assert second.weight_hh_l0.grad.abs().max() > 0
    assert model.word_embeddings.weight.grad[9].abs().max() > 0


def test_layers_are_tapped_and_cut():
    model = encoder(num_hidden_layers=3)
    batch = padded([5, 6, 9], [5])
    states = layer_states(model, *batch)
    assert len(states) == num_layers(model) == 3
    assert torch.allclose(last_states(cut_layers(model, 2), *batch), states[1], atol=1e-6)


def test_directions_need_an_even_width():
    with pytest.raises(ValueError, match="9 does not divide"):
        RecurrentConfig(hidden_size=9)


@pytest.fixture
def embedder() -> Embedder:
    tokenizer = tiny_tokenizer()
    model = encoder(vocab_size=len(tokenizer), tower_tokens=(7, 8), max_position_embeddings=16)
    settings = EmbedderSettings(pooling="max", max_length=16)
    return Embedder(model, tokenizer, settings)


def test_a_folder_holds_it(embedder, tmp_path):
    texts = ["a red fish", "the old river sings", "moon"]
    read = Embedder.load(embedder.save(tmp_path / "m"))
    assert read.encoder.config.tower_tokens == [7, 8]
    assert torch.equal(read.encode(texts), embedder.encode(texts))


@pytest.mark.parametrize(("precision", "close"), [("fp32", 1e-6), ("bf16", 2e-2), ("int8", 1e-6)])
def test_the_engine_runs_it(embedder, precision, close):
    texts = ["a red fish", "the old river sings", "moon"]
    expected = embedder.encode(texts).numpy()
    found = Engine(embedder, precision).encode(texts)
    assert abs(found - expected).max() < close
