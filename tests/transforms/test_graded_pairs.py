"""Pairs of texts by the labels that items share: relevance, draws, lists that are missing."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest
import torch

from embedworks.errors import InputError
from embedworks.transforms.graded_pairs import GradedPairTransform, Items, alike, jaccard, write_items
from helpers.tiny import tiny_tokenizer

NUMBERS = {"animal": 0, "pet": 1, "tool": 2}
ITEMS = [
    {
        "query": "dog",
        "profiles": ["red", "green"],
        "concepts": ["animal", "pet"],
        "listed": ["pet", "tail"],
    },
    {"query": "cat", "profiles": ["blue"], "concepts": ["animal", "pet", "fur"], "listed": []},
    {"query": "fish", "profiles": ["river"], "concepts": ["animal", "sea", "fin"], "listed": ["animal"]},
    {"query": "list", "profiles": ["sort", "map"], "concepts": ["tool"], "listed": None},
]


def rows(*samples: int, epoch: int = 0, **others: list[int]) -> pa.Table:
    return pa.table(
        {"query": [""] * len(samples), "__epoch__": [epoch] * len(samples), "__sample__": samples, **others}
    )


@pytest.fixture
def file(tmp_path):
    write_items(ITEMS, NUMBERS, 0.3, tmp_path / "items.parquet")
    return tmp_path / "items.parquet"


def transform(file, **options) -> GradedPairTransform:
    sizes = {"labels": 3, "lengths": (8, 8), "max_length": 16}
    return GradedPairTransform(tiny_tokenizer(), file, **{**sizes, **options})


def words(ids) -> list[str]:
    return [tiny_tokenizer().decode(row, skip_special_tokens=True) for row in ids.tolist()]


def test_relevance_by_hand():
    assert jaccard({"animal", "pet"}, {"animal", "pet", "fur"}) == pytest.approx(2 / 3)
    assert jaccard((), ()) == 0
    lists = [item["concepts"] for item in ITEMS]
    # dog-cat 2/3, dog-fish 1/4, cat-fish 1/5
    assert alike(lists, 0.3) == [[0, 1], [1, 0], [2], [3]]
    assert alike(lists, 0.25) == [[0, 1, 2], [1, 0], [2, 0], [3]]
    assert alike(lists, 0.7) == [[0], [1], [2], [3]]


def test_items_are_read_as_they_were_written(file):
    items = Items.read(file)
    assert items.queries == ["dog", "cat", "fish", "list"]
    assert items.known == [[1], None, [0], None]  # an empty list is none; "tail" is not trained
    assert items.relevant == [[0, 1], [1, 0], [2], [3]]


def test_every_sample_has_a_relevant_and_an_irrelevant_partner(file):
    found = transform(file)
    seen = {"relevant": set(), "irrelevant": set()}
    for epoch in range(20):
        table = found(rows(0, epoch=epoch))
        for side, texts in seen.items():
            texts.update(words(torch.tensor(table[f"{side}_ids"].to_pylist())))
    assert seen == {"relevant": {"red", "green", "blue"}, "irrelevant": {"sort", "map"}}


def test_a_limit_lets_items_be_irrelevant_that_share_a_little(file):
    found = transform(file, irrelevant=0.25)
    drawn = {
        words(torch.tensor(found(rows(0, epoch=e))["irrelevant_ids"].to_pylist()))[0] for e in range(20)
    }
    assert drawn == {"sort", "map", "river"}


def test_an_item_that_is_near_to_all_is_refused(tmp_path):
    write_items(ITEMS[:2], NUMBERS, 0.3, tmp_path / "items.parquet")
    with pytest.raises(InputError, match="no item is irrelevant to item 1: 'cat'"):
        transform(tmp_path / "items.parquet")(rows(1))


def test_a_batch_has_the_relevant_one_first_and_marks_what_is_listed(file):
    found = transform(file)
    batch = found.collate(found(rows(2, 3)))
    assert words(batch["query_ids"]) == ["fish", "list"]
    relevant, irrelevant = words(batch["candidate_ids"])[::2], words(batch["candidate_ids"])[1::2]
    assert relevant[0] == "river"
    assert relevant[1] in ("sort", "map")
    assert irrelevant[0] in ("sort", "map")
    assert batch["query_labels"].tolist() == [[1, 0, 0], [0, 0, 0]]
    assert batch["query_known"].tolist() == [True, False]
    assert batch["candidate_labels"].shape == (4, 3)
    assert batch["candidate_known"][:2].tolist() == [True, False]
    assert batch["query_labels"].dtype == torch.uint8


def test_draws_depend_on_seed_epoch_and_sample_alone(file):
    one, other = transform(file, seed=3), pickle.loads(pickle.dumps(transform(file, seed=3)))
    together, alone = one(rows(0, 1, 2, epoch=4)), other(rows(1, epoch=4))
    assert together.slice(1, 1).to_pylist() == alone.to_pylist()
    draws = [transform(file, seed=seed)(rows(*[0] * 8)).to_pylist() for seed in range(3)]
    assert draws[0] != draws[1] or draws[1] != draws[2]


def test_samples_go_round_within_their_corpus(tmp_path):
    both = [item | {"__source__": int(n > 1)} for n, item in enumerate(ITEMS)]
    write_items(both, NUMBERS, 0.3, tmp_path / "items.parquet")
    found = transform(tmp_path / "items.parquet")
    table = found(rows(1, 2, 0, 3, __source__=[0, 0, 1, 1]))
    assert words(found.collate(table)["query_ids"]) == ["cat", "dog", "fish", "list"]


def test_prompts_stand_in_front_of_their_kind(file):
    found = transform(file, prompts=("old ", "new "))
    batch = found.collate(found(rows(0)))
    assert words(batch["query_ids"]) == ["old dog"]
    assert all(text.startswith("new ") for text in words(batch["candidate_ids"]))


def test_bad_input_is_named(file, tmp_path):
    with pytest.raises(InputError, match="profile_length=17"):
        transform(file, lengths=(8, 17))
    with pytest.raises(InputError, match="item 1"):
        write_items([ITEMS[0], ITEMS[1] | {"profiles": []}], NUMBERS, 0.3, tmp_path / "x.parquet")
    with pytest.raises(InputError, match="no items"):
        write_items([], NUMBERS, 0.3, tmp_path / "x.parquet")
