from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaModel, ModernBertConfig, ModernBertModel, PreTrainedModel

from embedworks.nn.encoder import cut_layers, exit_norm, exit_states, last_states, layer_states
from helpers.tiny import tiny_model

SIZES = {"vocab_size": 60, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
SPECIALS = {"bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}


def modernbert() -> PreTrainedModel:
    return ModernBertModel(ModernBertConfig(**SIZES, **SPECIALS, intermediate_size=48, pad_token_id=0))


def llama() -> PreTrainedModel:
    return LlamaModel(LlamaConfig(**SIZES, intermediate_size=48))


def bert() -> PreTrainedModel:
    return tiny_model(layers=3).encoder


@pytest.mark.parametrize("make", [modernbert, llama, bert])
def test_every_exit_is_what_a_cut_model_gives(make) -> None:
    torch.manual_seed(0)
    model = make().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    ids, mask = torch.randint(5, 50, (2, 7)), torch.ones(2, 7, dtype=torch.long)
    mask[1, 5:] = 0
    with torch.no_grad():
        exits = exit_states(model, ids, mask)
        raw = layer_states(model, ids, mask)
        assert len(exits) == 3
        for n, states in enumerate(exits, start=1):
            expected = last_states(cut_layers(model, n), ids, mask)
            assert torch.allclose(states[mask.bool()], expected[mask.bool()], atol=1e-5)
    # Models that norm behind each layer have nothing to add; of the others the raw states differ.
    assert (exit_norm(model) is None) is (make is bert)
    assert torch.equal(raw[0], exits[0]) is (make is bert)
