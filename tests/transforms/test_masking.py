import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from embedworks.errors import InputError
from embedworks.transforms.bpe import train_bpe
from embedworks.transforms.masking import (
    NestedMaskTransform,
    corrupt,
    mask_budget,
    nested_words,
)
from embedworks.transforms.transform import EPOCH, SAMPLE, sample_rng
from helpers.tiny import tiny_embedder


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tiny_embedder(tmp_path_factory.mktemp("model"), layers=1)
    return AutoTokenizer.from_pretrained(folder)


def rows(texts: list[str], epoch: int = 0, first: int = 0) -> pa.Table:
    samples = list(range(first, first + len(texts)))
    return pa.table({"text": texts, EPOCH: [epoch] * len(texts), SAMPLE: samples})


def old_masks(
    groups: list[list[int]], length: int, few: int, many: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """The rule in its plain form, on positions."""
    encoder, decoder = np.zeros(length, dtype=bool), np.zeros(length, dtype=bool)
    for index in rng.permutation(len(groups)):
        group = groups[index]
        if decoder.sum() + len(group) <= many:
            decoder[group] = True
            if encoder.sum() + len(group) <= few:
                encoder[group] = True
    return [encoder, decoder]


def by_the_text(
    tokenizer: Any, texts: list[str], length: int, seed: int, epoch: int
) -> list[dict[str, Any]]:
    """What the transform has to give, one text at a time, with transformers' own call."""
    found = []
    tokens = tokenizer(texts, truncation=True, max_length=length)
    for sample, ids in enumerate(tokens["input_ids"]):
        rng, groups = sample_rng(seed, epoch, sample), {}
        for position, word in enumerate(tokens.word_ids(sample)):
            if word is not None:
                groups.setdefault(word, []).append(position)
        few, many = (max(1, round(len(ids) * ratio)) for ratio in (0.2, 0.4))
        row = {}
        masks = old_masks(list(groups.values()), len(ids), few, many, rng)
        for side, mask in zip(("encoder", "decoder"), masks, strict=True):
            draw, random = rng.random(len(ids)), rng.integers(len(tokenizer), size=len(ids))
            seen = np.where(mask & (draw < 0.8), tokenizer.mask_token_id, ids)
            seen = np.where(mask & (draw >= 0.8) & (draw < 0.9), random, seen)
            row[f"{side}_ids"] = seen.tolist()
            row[f"{side}_labels"] = np.where(mask, ids, -100).tolist()
        found.append(row)
    return found


@pytest.mark.parametrize("kind", ["WordPiece", "BPE"])
def test_a_batch_is_what_its_texts_are_one_by_one(tokenizer: Any, kind: str) -> None:
    texts = [
        "the red bird sings in a tree",
        "",
        "[MASK] unmasked, [SEP]!",
        "tree " * 40,
        "ab'c ##ing  Zwölf",
    ]
    if kind == "BPE":
        tokenizer = train_bpe(texts, 300, 64)
    transform = NestedMaskTransform(tokenizer, length=16, max_length=64, seed=3)
    assert transform(rows(texts, epoch=2)).to_pylist() == by_the_text(tokenizer, texts, 16, 3, 2)


@pytest.mark.parametrize(
    ("length", "ratio", "budget"), [(10, 0.2, 2), (10, 0.4, 4), (2, 0.2, 1), (13, 0.2, 3), (5, 0.5, 2)]
)
def test_budget(length: int, ratio: float, budget: int) -> None:
    assert mask_budget(np.array([length]), ratio).tolist() == [budget]


def test_masks_are_nested_and_within_budget() -> None:
    rng = np.random.default_rng(0)
    for _ in range(1000):
        sizes = rng.integers(1, 5, size=rng.integers(0, 20)).tolist()
        few, many = (int(mask_budget(np.array([sum(sizes) + 2]), ratio)[0]) for ratio in (0.2, 0.4))
        encoder, decoder = nested_words(sizes, few, many, rng)
        assert set(encoder) <= set(decoder)
        assert len(set(decoder)) == len(decoder)
        assert sum(sizes[word] for word in encoder) <= few
        assert sum(sizes[word] for word in decoder) <= many


def test_words_of_one_piece_fill_both_budgets() -> None:
    for seed in range(100):
        encoder, decoder = nested_words([1] * 8, 2, 4, np.random.default_rng(seed))
        assert (len(encoder), len(decoder)) == (2, 4)


def test_a_word_too_long_for_the_encoder_still_joins_the_decoder() -> None:
    assert nested_words([3], 2, 4, np.random.default_rng(0)) == ([], [0])


def test_corruption_shares() -> None:
    rng, ids = np.random.default_rng(0), np.full(20_000, 7)
    mask = np.arange(20_000) < 10_000
    draws = rng.random(20_000), rng.integers(1000, size=20_000)
    corrupted, labels = corrupt(ids, mask, 4, *draws)
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
