import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from embedworks.errors import InputError
from embedworks.transforms.masking import (
    NestedMaskTransform,
    corrupt,
    mask_budget,
    nested_masks,
    word_groups,
)
from embedworks.transforms.transform import EPOCH, SAMPLE
from helpers.tiny import tiny_embedder


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tiny_embedder(tmp_path_factory.mktemp("model"), layers=1)
    return AutoTokenizer.from_pretrained(folder)


def rows(texts: list[str], epoch: int = 0, first: int = 0) -> pa.Table:
    samples = list(range(first, first + len(texts)))
    return pa.table({"text": texts, EPOCH: [epoch] * len(texts), SAMPLE: samples})


def test_pieces_join_their_word_and_specials_join_none() -> None:
    groups = word_groups([None, 0, 0, 1, 2, 2, 2, None])
    assert [group.tolist() for group in groups] == [[1, 2], [3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("length", "ratio", "budget"), [(10, 0.2, 2), (10, 0.4, 4), (2, 0.2, 1), (13, 0.2, 3)]
)
def test_budget(length: int, ratio: float, budget: int) -> None:
    assert mask_budget(length, ratio) == budget


def test_masks_are_nested_whole_and_within_budget() -> None:
    rng = np.random.default_rng(0)
    for _ in range(1000):
        sizes = rng.integers(1, 5, size=rng.integers(0, 20))
        groups = word_groups([None, *np.repeat(np.arange(len(sizes)), sizes).tolist(), None])
        length = int(sizes.sum()) + 2
        few, many = mask_budget(length, 0.2), mask_budget(length, 0.4)
        encoder, decoder = nested_masks(groups, length, few, many, rng)
        assert not (encoder & ~decoder).any()
        assert encoder.sum() <= few
        assert decoder.sum() <= many
        for mask in (encoder, decoder):
            assert all(mask[group].all() or not mask[group].any() for group in groups)
            assert not mask[0]
            assert not mask[-1]


def test_ten_tokens_have_at_most_two_and_four_masked() -> None:
    groups = word_groups([None, *range(8), None])
    for seed in range(100):
        encoder, decoder = nested_masks(groups, 10, 2, 4, np.random.default_rng(seed))
        assert (encoder.sum(), decoder.sum()) == (2, 4)  # words of one piece fill both budgets


def test_a_word_too_long_for_the_encoder_still_joins_the_decoder() -> None:
    encoder, decoder = nested_masks([np.array([1, 2, 3])], 10, 2, 4, np.random.default_rng(0))
    assert (encoder.sum(), decoder.sum()) == (0, 3)


def test_corruption_shares() -> None:
    ids = np.full(20_000, 7)
    mask = np.arange(20_000) < 10_000
    corrupted, labels = corrupt(ids, mask, mask_id=4, vocabulary=1000, rng=np.random.default_rng(0))
    assert (labels[:10_000] == 7).all()
    assert (labels[10_000:] == -100).all()
    assert (corrupted[10_000:] == 7).all()
    assert (corrupted[:10_000] == 4).mean() == pytest.approx(0.8, abs=0.02)
    assert (corrupted[:10_000] == 7).mean() == pytest.approx(0.1, abs=0.02)


def test_samples_look_the_same_in_any_company(tokenizer: Any) -> None:
    transform = NestedMaskTransform(tokenizer, length=16, max_length=64, seed=3)
    texts = ["the red bird sings in a tree", "sort the list", "open a file and read it"]
    together = transform(rows(texts))
    alone = transform(rows(texts[1:2], first=1))
    assert together.slice(1, 1).to_pylist() == alone.to_pylist()
    assert together != transform(rows(texts, epoch=1))
    assert together != NestedMaskTransform(tokenizer, length=16, max_length=64, seed=4)(rows(texts))


def test_batch(tokenizer: Any) -> None:
    transform = NestedMaskTransform(tokenizer, length=16, max_length=64)
    texts = ["the red bird sings in a tree", "sort the list", ""]
    batch = transform.collate(transform(rows(texts)))
    clean = tokenizer(texts, padding="max_length", max_length=16, truncation=True, return_tensors="pt")
    assert (batch["attention_mask"] == clean["attention_mask"]).all()
    for side in ("encoder", "decoder"):
        ids, labels = batch[f"{side}_ids"], batch[f"{side}_labels"]
        assert (labels.where(labels != -100, ids) == clean["input_ids"]).all()
    assert ((batch["encoder_labels"] == -100) | (batch["decoder_labels"] != -100)).all()
    assert (batch["decoder_labels"] != -100).sum() > (batch["encoder_labels"] != -100).sum() > 0
    assert (batch["decoder_labels"][2] == -100).all()


def test_it_travels_light(tokenizer: Any) -> None:
    transform = NestedMaskTransform(tokenizer, length=16, max_length=64)
    data = pickle.dumps(transform)
    assert len(data) < 1000
    assert pickle.loads(data)(rows(["the dog"])) == transform(rows(["the dog"]))


def test_refusals(tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"length=65 is longer than the 64"):
        NestedMaskTransform(tokenizer, length=65, max_length=64)
    tokenizer.save_pretrained(tmp_path)
    unmasked = AutoTokenizer.from_pretrained(tmp_path)
    unmasked.mask_token = None
    with pytest.raises(InputError, match="cannot mask"):
        NestedMaskTransform(unmasked, length=16, max_length=64)
