from __future__ import annotations

import torch

from embedworks.nn.bert import new_bert
from embedworks.nn.encoder import layer_states


def test_a_new_bert_has_the_sizes_that_are_asked_for():
    model = new_bert(vocabulary=50, width=24, layers=3, heads=2, max_length=10, pad_id=0).eval()
    ids = torch.randint(1, 50, (2, 10))
    states = layer_states(model, ids, torch.ones_like(ids))
    assert [tuple(state.shape) for state in states] == [(2, 10, 24)] * 3
    assert model.config.intermediate_size == 96
    assert model.pooler is None
    assert not model.get_input_embeddings().weight[0].any()
