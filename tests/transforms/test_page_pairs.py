"""Transforms over linked pages: what the model sees, and that draws are a sample's own."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from embedworks.errors import InputError
from embedworks.transforms.linked_pages import PAIR_TASKS, LinkedPages
from embedworks.transforms.page_pairs import PageMaskTransform, PagePairTransform
from embedworks.transforms.transform import EPOCH, SAMPLE
from helpers.tiny import tiny_tokenizer

ROWS = [
    {"id": "f", "title": "fish", "sections": ["the fish swim. the fish grow."], "links": ["b"]},
    {
        "id": "b",
        "title": "bird",
        "sections": ["the bird sing. A bird is old.", "A bird is new."],
        "links": ["f"],
    },
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    LinkedPages.collect(ROWS, 8, lambda texts: [len(text.split()) for text in texts]).save(
        tmp_path / "p.parquet"
    )
    return tmp_path / "p.parquet"


def rows(samples, epoch: int = 0) -> pa.Table:
    return pa.table({"id": ["x"] * len(samples), SAMPLE: samples, EPOCH: [epoch] * len(samples)})


def pairs(file: Path, **options) -> PagePairTransform:
    sizes = {"query_length": 16, "document_length": 24, "max_length": 32, "seed": 3}
    return PagePairTransform(
        tiny_tokenizer(), file, **{"tasks": PAIR_TASKS, "titles": PAIR_TASKS, **sizes, **options}
    )


def texts(batch, side: str) -> list[str]:
    return tiny_tokenizer().batch_decode(batch[f"{side}_ids"])


def batch_of(transform, samples=range(40), epoch: int = 0):
    return transform.collate(transform(rows(list(samples), epoch)))


def test_a_batch_has_all_that_the_loss_needs(file):
    batch = batch_of(pairs(file))
    assert batch["query_ids"].shape[0] == batch["document_ids"].shape[0] == 40
    assert (batch["document"].dtype, batch["log_q"].dtype) == (torch.int64, torch.float32)
    expected = LinkedPages.load(file).probabilities(PAIR_TASKS)
    assert np.allclose(batch["log_q"].exp(), expected[batch["document"]])
    assert set(batch["task"].tolist()) == {0, 1, 2}


def test_documents_are_title_separator_passage(file):
    for text, task in zip(texts(b := batch_of(pairs(file)), "document"), b["task"], strict=True):
        assert text.startswith(("[CLS] fish [SEP]", "[CLS] bird [SEP]")), int(task)
        assert text.count("[SEP]") == 2


@pytest.mark.parametrize(("titles", "titled"), [(("ict",), {0}), ((), set())])
def test_titles_of_some_tasks_or_none(file, titles, titled):
    batch = batch_of(pairs(file, titles=titles))
    for text, task in zip(texts(batch, "document"), batch["task"].tolist(), strict=True):
        assert (text.count("[SEP]") == 2) == (task in titled)


def test_a_sample_is_its_own_whoever_reads_it_and_another_in_the_next_epoch(file):
    transform = pairs(file)
    whole = batch_of(transform)
    alone = batch_of(pickle.loads(pickle.dumps(transform)), [7])
    assert texts(whole, "query")[7].split("[SEP]")[0] == texts(alone, "query")[0].split("[SEP]")[0]
    assert int(whole["document"][7]) == int(alone["document"][0])
    assert texts(batch_of(transform, epoch=1), "query") != texts(whole, "query")


def test_a_prompt_is_in_front_of_queries_alone(file):
    batch = batch_of(pairs(file, query_prompt="[MASK]"))
    assert (batch["query_ids"][:, 1] == tiny_tokenizer().mask_token_id).all()
    assert (batch["document_ids"] != tiny_tokenizer().mask_token_id).all()


def test_lengths_are_limits(file):
    batch = batch_of(pairs(file, query_length=4, document_length=6))
    assert batch["query_mask"].sum(1).max() == 4
    assert batch["document_mask"].sum(1).max() == 6
    with pytest.raises(InputError, match="document_length=40"):
        pairs(file, document_length=40)


def test_masks_hide_the_share_of_tokens_but_no_special_ones(file):
    transform = PageMaskTransform(tiny_tokenizer(), file, length=24, max_length=32, rate=0.5, seed=1)
    batch = batch_of(transform, range(200))
    labels, ids, mask = batch["labels"], batch["input_ids"], batch["attention_mask"]
    chosen = labels != -100
    special = torch.tensor([tiny_tokenizer().cls_token_id, tiny_tokenizer().sep_token_id])
    assert not torch.isin(labels[chosen], special).any()
    words = mask.sum(1) - 3  # [CLS] and two [SEP]
    assert ((chosen.sum(1) - words * 0.5).abs() <= 0.5).all()
    masked = (ids[chosen] == tiny_tokenizer().mask_token_id).float().mean()
    assert 0.75 < float(masked) < 0.85
    kept = (ids[chosen] == labels[chosen]).float().mean()
    assert 0.07 < float(kept) < 0.15
    back = torch.where(chosen, labels, ids)
    assert {text.split(" [SEP]")[0] for text in tiny_tokenizer().batch_decode(back)} == {
        "[CLS] fish",
        "[CLS] bird",
    }
