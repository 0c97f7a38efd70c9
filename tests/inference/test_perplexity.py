from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertModel, GPT2Config, GPT2LMHeadModel

from embedworks.errors import InputError
from embedworks.inference.perplexity import PerplexityScorer
from helpers.tiny import tiny_tokenizer

TEXTS = ["red fish", "the old river is green", "sort a list of words " * 9, "blue", ""]


def saved(folder: Path, masked: bool) -> Path:
    tokenizer = tiny_tokenizer()
    torch.manual_seed(0)
    size = {"vocab_size": len(tokenizer)}
    if masked:
        shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        model = BertForMaskedLM(BertConfig(**size, **shape, intermediate_size=64))
    else:
        shape = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
        model = GPT2LMHeadModel(GPT2Config(**size, **shape, bos_token_id=None, eos_token_id=None))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_causal_models_perplexity_is_exp_of_its_own_loss(tmp_path):
    folder = saved(tmp_path, masked=False)
    model, tokenizer = GPT2LMHeadModel.from_pretrained(folder).eval(), tiny_tokenizer()
    expected = []
    for text in TEXTS:
        ids = torch.tensor([tokenizer(text, truncation=True, max_length=20)["input_ids"]])
        expected.append(model(ids, labels=ids).loss.exp().item())
    scores = PerplexityScorer(folder, max_tokens=20)(TEXTS)
    assert scores == pytest.approx(expected, rel=1e-4)


def test_a_masked_model_predicts_each_token_that_is_not_special(tmp_path):
    folder = saved(tmp_path, masked=True)
    model, tokenizer = BertForMaskedLM.from_pretrained(folder).eval(), tiny_tokenizer()
    scores = PerplexityScorer(folder, max_tokens=20)(TEXTS)
    for text, score in zip(TEXTS[:-1], scores[:-1], strict=True):
        ids = tokenizer(text, truncation=True, max_length=20)["input_ids"]
        losses = []
        for place in range(1, len(ids) - 1):
            masked = torch.tensor([ids])
            masked[0, place] = tokenizer.mask_token_id
            losses.append(-model(masked).logits[0, place].log_softmax(0)[ids[place]].item())
        assert score == pytest.approx(np.exp(np.mean(losses)), rel=1e-4)
    assert np.isnan(scores[-1])


def test_it_pickles_without_its_model(tmp_path):
    scorer = PerplexityScorer(saved(tmp_path, masked=False))
    data = pickle.dumps(scorer)
    assert len(data) < 1000
    assert pickle.loads(data)(TEXTS[:2]) == pytest.approx(scorer(TEXTS[:2]))


def test_pickled_weights_are_refused(tmp_path):
    folder = saved(tmp_path, masked=False)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="is a pickle"):
        PerplexityScorer(folder)


def test_a_model_without_a_language_model_head_is_refused(tmp_path):
    tokenizer = tiny_tokenizer()
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="BertModel; expected a causal or masked language model"):
        PerplexityScorer(tmp_path)
