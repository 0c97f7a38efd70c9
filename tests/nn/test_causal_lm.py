"""Small causal language models: their sizes, and the loss of the next token."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from embedworks.embedder import Embedder
from embedworks.nn.causal_lm import (
    CausalLmConfig,
    masked_next_token_loss,
    new_causal_lm,
    next_token_loss,
)
from embedworks.nn.encoder import last_states, layer_states, num_layers
from helpers.tiny import tiny_decoder, tiny_tokenizer

ARCHITECTURES = ("gpt2", "llama", "qwen2")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sizes(architecture):
    config = CausalLmConfig(architecture=architecture, layers=2, width=24, heads=3, max_length=40)
    model = new_causal_lm(config, tiny_tokenizer())
    assert (num_layers(model), model.config.hidden_size) == (2, 24)
    assert model.config.max_position_embeddings == 40
    states = layer_states(model, torch.tensor([[5, 6, 7]]), torch.ones(1, 3))
    assert [tuple(state.shape) for state in states] == [(1, 3, 24)] * 2


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="divisible"):
        CausalLmConfig(width=24, heads=5)


def test_the_loss_by_hand():
    # Logits are the states: [0, 0] predicts token 1 with 1/2, [2, 0] predicts token 0; then padding.
    states = torch.tensor([[[0.0, 0.0], [2.0, 0.0], [9.0, 9.0], [9.0, 9.0]]])
    ids, mask = torch.tensor([[0, 1, 0, 0]]), torch.tensor([[1, 1, 1, 0]])
    expected = (math.log(2) + math.log(1 + math.exp(-2))) / 2
    assert next_token_loss(states, ids, mask, torch.eye(2)).item() == pytest.approx(expected)
    assert next_token_loss(states[:, :1], ids[:, :1], mask[:, :1], torch.eye(2)).item() == 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_loss_is_that_of_transformers(tmp_path: Path, architecture):
    embedder = tiny_decoder(architecture=architecture)
    ids = torch.randint(5, 60, (2, 9), generator=torch.Generator().manual_seed(0))
    table = embedder.encoder.get_input_embeddings().weight
    states = last_states(embedder.encoder, ids, torch.ones_like(ids))
    ours = next_token_loss(states, ids, torch.ones_like(ids), table)
    whole = AutoModelForCausalLM.from_config(embedder.encoder.config)
    getattr(whole, whole.base_model_prefix).load_state_dict(embedder.encoder.state_dict())
    with torch.no_grad():
        whole.lm_head.weight.copy_(table)
    assert ours.item() == pytest.approx(whole.eval()(input_ids=ids, labels=ids).loss.item(), rel=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_folder_brings_it_back(tmp_path: Path, architecture):
    embedder = tiny_decoder(architecture=architecture, pooling="last")
    opened = Embedder.load(embedder.save(tmp_path))
    texts = ["a red fish", "Read the file, then sort it!"]
    assert opened.tokenizer(texts)["input_ids"] == embedder.tokenizer(texts)["input_ids"]
    assert torch.equal(opened.encode(texts), embedder.encode(texts))


def test_a_blank_is_predicted_from_the_state_in_front_of_it():
    # Blank 1 is token 1, read from state 0: [0, 2] gives it e^2 / (e^2 + 1). State 1 itself would deny it.
    states = torch.tensor([[[0.0, 2.0], [9.0, 0.0], [9.0, 9.0]]])
    labels = torch.tensor([[-100, 1, -100]])
    found = masked_next_token_loss(states, labels, torch.eye(2))
    assert found.item() == pytest.approx(math.log(1 + math.exp(-2)), rel=1e-5)


def test_without_a_blank_the_loss_is_0_and_no_gradient_flows():
    states = torch.randn(1, 3, 2, requires_grad=True)
    found = masked_next_token_loss(states, torch.full((1, 3), -100), torch.eye(2))
    found.backward()
    assert found.item() == 0
    assert not states.grad.any()
