import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from embedworks.errors import InputError
from embedworks.transforms.bpe import train_bpe
from embedworks.transforms.replaced_tokens import MaskAllChosen
from embedworks.transforms.transform import EPOCH, SAMPLE, sample_rng
from helpers.tiny import tiny_tokenizer

TEXTS = ["the red bird sings in a tree", "", None, "sort [MASK] the list", "tree " * 60]


def rows(texts: list[Any], epoch: int = 0, first: int = 0) -> pa.Table:
    samples = list(range(first, first + len(texts)))
    return pa.table({"text": pa.array(texts, pa.string()), EPOCH: [epoch] * len(texts), SAMPLE: samples})


@pytest.mark.parametrize("rate", [0.15, 0.5, 1.0])
@pytest.mark.parametrize(
    "tokenizer", [tiny_tokenizer(), train_bpe(["red bird"], 300, 64)], ids=["wp", "bpe"]
)
def test_a_batch_is_what_its_texts_are_one_by_one(tokenizer: Any, rate: float) -> None:
    found = MaskAllChosen(tokenizer, max_length=32, rate=rate, seed=5)(rows(TEXTS, epoch=1)).to_pylist()
    tokens = tokenizer([text or "" for text in TEXTS], truncation=True, max_length=32)["input_ids"]
    for sample, (row, ids) in enumerate(zip(found, tokens, strict=True)):
        ids = np.array(ids)
        candidates = np.flatnonzero(~np.isin(ids, tokenizer.all_special_ids))
        count = min(round(rate * len(ids)), len(candidates))
        targets = sample_rng(5, 1, sample).choice(candidates, count, replace=False)
        labels = np.zeros_like(ids)
        labels[targets] = ids[targets]
        ids[targets] = tokenizer.mask_token_id
        assert row == {"input_ids": ids.tolist(), "labels": labels.tolist()}


def test_batches() -> None:
    transform = MaskAllChosen(tiny_tokenizer(), max_length=32)
    batch = transform.collate(transform(rows(TEXTS)))
    assert batch["input_ids"].shape == (5, 32)
    assert batch["attention_mask"].sum(1).tolist()[1:3] == [2, 2]
    assert (batch["input_ids"][batch["attention_mask"] == 0] == 0).all()
    assert ((batch["labels"] > 0) == (batch["input_ids"] == 4) & (batch["labels"] > 0)).all()


def test_it_travels_light(tmp_path: Path) -> None:
    tiny_tokenizer().save_pretrained(tmp_path)
    transform = MaskAllChosen(AutoTokenizer.from_pretrained(tmp_path), max_length=32)
    data = pickle.dumps(transform)
    assert len(data) < 1000
    assert pickle.loads(data)(rows(TEXTS)) == transform(rows(TEXTS))


def test_a_tokenizer_that_cannot_mask_is_refused() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.mask_token = None
    with pytest.raises(InputError, match="cannot mask"):
        MaskAllChosen(tokenizer, max_length=8)
