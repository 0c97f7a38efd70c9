from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    ModernBertConfig,
    ModernBertModel,
    PreTrainedModel,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from embedworks.errors import InputError
from embedworks.nn.packing import block_mask, packed_states, pool_segments
from embedworks.nn.pooling import POOLINGS, pool
from embedworks.transforms.packing import pack
from embedworks.transforms.tokens import lists_array
from helpers.tiny import tiny_model

SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
    "pad_token_id": 1,  # RoBERTa counts positions from behind it
}
STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
DOCUMENTS = [[7, 8, 9], [5] * 20, [11, 12, 13, 14, 15, 16, 17], [30], [21, 22, 23, 24, 25]]


def deberta(**more: Any) -> DebertaV2Model:
    relative = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "share_att_key": True}
    keys = {**SIZES, **STILL, **relative, "position_buckets": 4, "norm_rel_ebd": "layer_norm", **more}
    return DebertaV2Model(DebertaV2Config(**keys))


def modernbert(kernel: str) -> ModernBertModel:
    # A window of 4 tokens: the longest documents reach beyond it.
    config = ModernBertConfig(
        **SIZES, local_attention=4, global_attn_every_n_layers=2, attention_dropout=0.0
    )
    config._attn_implementation = kernel
    return ModernBertModel(config)


def bert_like(config: Any, model: Any, kernel: str = "sdpa") -> PreTrainedModel:
    made = config(**SIZES, **STILL)
    made._attn_implementation = kernel
    return model(made, add_pooling_layer=False) if model is not ElectraModel else model(made)


MODELS = {
    "bert": lambda: tiny_model(layers=3).encoder,
    "bert-eager": lambda: bert_like(BertConfig, BertModel, "eager"),
    "electra": lambda: bert_like(ElectraConfig, ElectraModel),
    "roberta": lambda: bert_like(RobertaConfig, RobertaModel),
    "xlm-roberta": lambda: bert_like(XLMRobertaConfig, XLMRobertaModel),
    "deberta-v2": deberta,
    "deberta-v2-no-positions": lambda: deberta(position_biased_input=False),
    "modernbert": lambda: modernbert("sdpa"),
    "modernbert-eager": lambda: modernbert("eager"),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made: PreTrainedModel = MODELS[request.param]()
        for parameter in made.parameters():
            if parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=0.2)
    return made.eval()


def packed() -> tuple[list[int], Tensor, Tensor, Tensor]:
    rows = pack([len(ids) for ids in DOCUMENTS], 24)
    tensors = (rows.fill(lists_array(DOCUMENTS), 0), rows.position_ids_RL, rows.segment_ids_RL)
    return rows.order_N.tolist(), *map(torch.from_numpy, tensors)


def alone(model: PreTrainedModel, ids: list[int]) -> Tensor:
    output = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long))
    return output.last_hidden_state


def test_states_are_those_of_the_document_alone(model: PreTrainedModel) -> None:
    order, ids, positions, segments = packed()
    assert (segments.amax(1) > 1).any()
    states = packed_states(model, ids, positions, segments)
    found = [row[mark == n] for row, mark in zip(states, segments, strict=True) for n in mark.unique() if n]
    for document, got in zip(order, found, strict=True):
        torch.testing.assert_close(got, alone(model, DOCUMENTS[document])[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_vectors_and_gradients_are_those_of_the_documents_alone(
    model: PreTrainedModel, pooling: Any
) -> None:
    order, ids, positions, segments = packed()
    weights = torch.linspace(-1, 1, 32)

    def gradients(loss: Tensor) -> dict[str, Tensor]:
        model.zero_grad()
        loss.backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    vectors = pool_segments(packed_states(model, ids, positions, segments), segments, pooling)
    singles = [alone(model, DOCUMENTS[document]) for document in order]
    expected = torch.cat([pool(s, torch.ones(s.shape[:2]), pooling) for s in singles])
    torch.testing.assert_close(vectors, expected, atol=1e-5, rtol=1e-5)
    got, wanted = (gradients((v @ weights).square().sum()) for v in (vectors, expected))
    assert got.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, atol=1e-4, rtol=1e-4, msg=name)


def test_one_document_is_deaf_to_its_neighbour(model: PreTrainedModel) -> None:
    _, ids, positions, segments = packed()
    states = packed_states(model, ids, positions, segments)
    changed = torch.where(segments == 1, (ids + 1) % 50, ids)
    others = packed_states(model, changed, positions, segments)
    assert not torch.allclose(states[segments == 1], others[segments == 1], atol=1e-3)
    torch.testing.assert_close(states[segments > 1], others[segments > 1])


def test_mask() -> None:
    mask = block_mask(torch.tensor([[1, 1, 2, 0]]))
    assert mask.dtype == torch.bool
    assert mask[0, 0].int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_a_neighbour_with_the_same_number_in_another_row_is_another_document() -> None:
    segments = torch.tensor([[1, 2, 2], [1, 1, 0], [0, 0, 0]])
    states = torch.arange(9.0).reshape(3, 3, 1)
    pooled = {
        p: pool_segments(states, segments, p).flatten().tolist() for p in ("mean", "cls", "max", "last")
    }
    assert pooled == {"mean": [0, 1.5, 3.5], "cls": [0, 1, 3], "max": [0, 2, 4], "last": [0, 2, 4]}


def test_low_precision_is_kept_and_summed_in_float32() -> None:
    states = torch.full((1, 4096, 1), 1.0, dtype=torch.bfloat16)
    mean = pool_segments(states, torch.ones(1, 4096, dtype=torch.long), "mean")
    assert (mean.dtype, mean.item()) == (torch.bfloat16, 1.0)


def test_models_that_cannot_keep_documents_apart_are_refused() -> None:
    _, *tensors = packed()
    small = {"vocab_size": 50, "dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64}
    with pytest.raises(InputError, match="packed for a 'distilbert' model; expected one of bert,"):
        packed_states(DistilBertModel(DistilBertConfig(**small)), *tensors)
    with pytest.raises(InputError, match="convolution"):
        packed_states(deberta(conv_kernel_size=3), *tensors)
    flash = bert_like(BertConfig, BertModel)
    flash.config._attn_implementation = "flash_attention_2"
    with pytest.raises(InputError, match="'flash_attention_2' takes no mask"):
        packed_states(flash, *tensors)
    with pytest.raises(ValueError, match="unknown pooling 'avg'"):
        pool_segments(torch.zeros(1, 1, 1), torch.ones(1, 1), "avg")  # type: ignore[arg-type]
