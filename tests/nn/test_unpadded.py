"""Unpadded encoders give the model's own states and gradients."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertConfig, BertModel, ElectraConfig, ElectraModel, RobertaConfig, RobertaModel

from embedworks.nn.encoder import last_states, layer_states
from embedworks.nn.unpadded import GROUP_TOKENS, group_bounds, lay_out, runs_unpadded, unpadded_states
from helpers.tiny import tiny_model

SIZES = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 80,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "pad_token_id": 1,
}
MODELS = {
    "bert": lambda: BertModel(BertConfig(**SIZES), add_pooling_layer=False),
    "electra": lambda: ElectraModel(ElectraConfig(**SIZES, embedding_size=8)),
    "roberta": lambda: RobertaModel(RobertaConfig(**SIZES), add_pooling_layer=False),
}
LENGTHS = (1, 70, 3, 66, 2, 70, 5)


def build(name):
    torch.manual_seed(0)
    model = MODELS[name]()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.double().train()


def batch(lengths=LENGTHS):
    torch.manual_seed(1)
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    return torch.randint(2, 50, mask.shape) * mask + (1 - mask), mask


@pytest.mark.parametrize("lengths", [LENGTHS, (7, 7, 7), (4,), (9, 8, 9)])
@pytest.mark.parametrize("name", MODELS)
def test_states_and_gradients_are_the_models_own(name, lengths):
    model = build(name)
    ids, mask = batch(lengths)
    assert runs_unpadded(model)
    mine = unpadded_states(model, ids, mask, every=True)
    output = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    theirs = output.hidden_states[1:]
    assert len(mine) == len(theirs)
    gradients = []
    for states in (mine, theirs):
        real = [state[mask.bool()] for state in states]
        gradients.append(
            torch.autograd.grad(sum(one.sin().sum() for one in real), list(model.parameters()))
        )
    for got, expected in zip(mine, theirs, strict=True):
        torch.testing.assert_close(got[mask.bool()], expected[mask.bool()], rtol=1e-9, atol=1e-9)
    for got, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-7, atol=1e-9)


def test_the_doors_of_encoders_take_this_way(monkeypatch):
    model = build("bert")
    ids, mask = batch()
    expected = model(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()]
    monkeypatch.setattr(model, "forward", None)
    for states in (last_states(model, ids, mask), layer_states(model, ids, mask)[-1]):
        torch.testing.assert_close(states[mask.bool()], expected)


def test_dropout_is_in_training_alone_and_comes_from_torchs_random_state():
    encoder = tiny_model(dropout=0.2).encoder
    ids, mask = batch((5, 9))
    torch.testing.assert_close(*(unpadded_states(encoder.eval(), ids, mask)[0] for _ in range(2)))
    encoder.train()
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(unpadded_states(encoder, ids, mask)[0])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_a_model_that_is_not_plain_goes_its_own_way():
    model = build("bert")
    assert runs_unpadded(model)
    with torch.autocast("cpu", torch.bfloat16):
        assert not runs_unpadded(model)
    model.gradient_checkpointing_enable()
    assert not runs_unpadded(model)
    hooked = build("bert")
    hooked.encoder.layer[1].register_forward_hook(lambda *_: None)
    assert not runs_unpadded(hooked)
    replaced = build("bert")
    replaced.encoder.layer[0].output.dense = type("Adapted", (torch.nn.Linear,), {})(24, 16)
    assert not runs_unpadded(replaced)


def cost(lengths, bounds):
    ordered = sorted(lengths, reverse=True)
    cut = pairwise(bounds)
    return sum((stop - start) * ordered[start] + GROUP_TOKENS for start, stop in cut)


def every_cut(texts):
    for inner in range(2 ** (texts - 1)):
        yield [0, *(n for n in range(1, texts) if inner >> (n - 1) & 1), texts]


@given(st.lists(st.integers(1, 128), min_size=1, max_size=7))
def test_no_way_to_group_is_cheaper(lengths):
    bounds = group_bounds(np.array(lengths))
    assert bounds[0] == 0
    assert bounds[-1] == len(lengths)
    assert cost(lengths, bounds) == min(cost(lengths, cut) for cut in every_cut(len(lengths)))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_every_real_token_is_kept_once(lengths):
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    layout = lay_out(mask, torch.float32)
    assert len(layout.index_M) == layout.groups[-1].stop
    assert len(layout.index_M.unique()) == len(layout.index_M)
    kept = torch.zeros(mask.numel(), dtype=torch.long)
    kept[layout.index_M] = 1
    assert bool((kept >= mask.reshape(-1)).all())
    assert torch.equal(layout.position_M, layout.index_M % mask.shape[1])
