"""Blanks of masked next-token prediction."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedworks.errors import InputError
from embedworks.transforms.blanks import IGNORED, BlankTransform, blank_of
from embedworks.transforms.transform import EPOCH, SAMPLE
from helpers.tiny import WORDS, tiny_tokenizer

TEXT = " ".join(WORDS)


def made(rate: float, samples: range = range(4), seed: int = 0) -> dict[str, np.ndarray]:
    transform = BlankTransform(tiny_tokenizer(), length=64, max_length=64, rate=rate, seed=seed)
    rows = pa.table({"text": [TEXT] * len(samples), SAMPLE: list(samples), EPOCH: [0] * len(samples)})
    return {key: value.numpy() for key, value in transform.collate(transform(rows)).items()}


def test_every_chosen_token_is_a_blank_and_a_label():
    batch, clean = made(0.5), made(0.0)
    chosen = batch["labels"] != IGNORED
    assert 0.3 < chosen.sum() / clean["attention_mask"].sum() < 0.7
    assert (batch["input_ids"][chosen] == tiny_tokenizer().mask_token_id).all()
    assert (batch["labels"][chosen] == clean["input_ids"][chosen]).all()
    assert (batch["input_ids"][~chosen] == clean["input_ids"][~chosen]).all()


def test_specials_and_the_first_token_stay():
    batch = made(0.999)
    chosen = batch["labels"] != IGNORED
    last = batch["attention_mask"].sum(1) - 1
    assert not chosen[:, 0].any()
    assert not chosen[np.arange(4), last].any(), "[SEP]"
    assert chosen[0, 1], "the first word has [CLS] in front of it"


def test_samples_differ_and_repeat():
    one = made(0.3)
    assert (one["labels"][0] != one["labels"][1]).any()
    again = made(0.3, range(1, 3))
    assert (one["labels"][1:3] == again["labels"]).all()
    assert (made(0.3, seed=1)["labels"] != one["labels"]).any()


def test_a_tokenizer_without_a_mask_token_has_an_underscore_or_is_refused():
    tokenizer = tiny_tokenizer((*WORDS, "_"))
    tokenizer.mask_token = None
    assert blank_of(tokenizer) == tokenizer.convert_tokens_to_ids("_")
    bare = tiny_tokenizer()
    bare.mask_token = None
    with pytest.raises(InputError, match="no blank"):
        blank_of(bare)
