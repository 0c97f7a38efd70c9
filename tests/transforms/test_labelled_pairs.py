"""Pairs of texts with one label, and the places that they stand at."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from embedworks.errors import InputError
from embedworks.transforms.labelled_pairs import (
    LabelledPairTransform,
    LabelledTexts,
    PairSchedule,
    label_pairs,
)
from helpers.tiny import tiny_tokenizer

ROWS = [(f"red {n}", "b") for n in range(5)] + [(f"blue {n}", "a") for n in range(3)] + [("one", "c")]


@pytest.fixture
def schedule(tmp_path) -> PairSchedule:
    LabelledTexts.collect(ROWS).save(tmp_path / "texts.parquet")
    return PairSchedule(tmp_path / "texts.parquet", "none", seed=4)


def transform(schedule: PairSchedule, length: int = 8) -> LabelledPairTransform:
    return LabelledPairTransform(
        tiny_tokenizer(), {"x": schedule}, rows=10, length=length, max_length=64, columns=("turns",)
    )


def places(epochs: list[int], samples: list[int]) -> pa.Table:
    return pa.table({"turns": [None] * len(epochs), "__epoch__": epochs, "__sample__": samples})


def test_rare_labels_are_dropped_and_texts_come_back_from_a_file(tmp_path):
    texts = LabelledTexts.collect(ROWS, more_than=2)
    assert texts.names == ("a", "b")
    texts.save(tmp_path / "t.parquet")
    again = LabelledTexts.load(tmp_path / "t.parquet")
    assert (again.texts, again.names) == (texts.texts, texts.names)
    assert again.labels_N.tolist() == texts.labels_N.tolist() == [1] * 5 + [0] * 3
    assert LabelledTexts.collect(ROWS, more_than=3 - 1).names == ("a", "b")
    with pytest.raises(InputError, match="1 labels have more than 3"):
        LabelledTexts.collect(ROWS, more_than=3)


def test_one_pass_pairs_the_neighbours_of_a_permutation():
    labels = np.array([0, 1, 0, 1, 0, 1, 1])
    pairs = label_pairs(labels, "none", np.random.default_rng(1))
    assert (labels[pairs[:, 0]] == labels[pairs[:, 1]]).all()
    # 3 texts give 2 pairs, 4 give 3; a chain has each inner text twice, once on either side.
    assert Counter(labels[pairs[:, 0]].tolist()) == {0: 2, 1: 3}
    for label in (0, 1):
        chain = pairs[labels[pairs[:, 0]] == label]
        assert len(set(chain[:, 0].tolist())) == len(set(chain[:, 1].tolist())) == len(chain)


def test_extended_labels_have_as_many_pairs_as_the_largest_has_texts():
    labels = np.array([0] * 2 + [1] * 7 + [2] * 3)
    pairs = label_pairs(labels, "extend", np.random.default_rng(1))
    assert Counter(labels[pairs[:, 0]].tolist()) == {0: 7, 1: 7, 2: 7}
    assert (labels[pairs[:, 0]] == labels[pairs[:, 1]]).all()
    assert (pairs[:, 0] != pairs[:, 1]).all()


def test_a_pass_is_seen_whole_before_the_next_begins(schedule):
    assert schedule.length == (5 - 1) + (3 - 1)
    first = [schedule.pair(place) for place in range(6)]
    second = [schedule.pair(place) for place in range(6, 12)]
    assert Counter(label for *_, label in first) == {1: 4, 0: 2} == Counter(label for *_, label in second)
    assert first != second
    assert first != [schedule.pair(place, stream=1) for place in range(6)]
    assert first == [PairSchedule(schedule.file, "none", 4).pair(place) for place in range(6)]


def test_a_sample_has_the_same_pair_in_whatever_batch_it_comes(schedule):
    whole = transform(schedule)(places([0, 0, 1], [2, 9, 3]))
    alone = pickle.loads(pickle.dumps(transform(schedule)))(places([1], [3]))
    assert alone.slice(0, 1).to_pylist() == whole.slice(2, 1).to_pylist()
    # Epoch 1 of 10 rows, sample 3: place 13.
    text, _, label = schedule.pair(13)
    ids = tiny_tokenizer()(text)["input_ids"]
    assert whole["anchor_ids.x"].to_pylist()[2] == ids
    assert whole["label.x"].to_pylist()[2] == label


def test_a_batch_is_padded_to_its_longest(schedule):
    given = transform(schedule)
    batch = given.collate(given(places([0] * 4, [0, 1, 2, 3])))
    assert batch["label.x"].shape == (4,)
    assert batch["anchor_ids.x"].shape == batch["anchor_mask.x"].shape
    assert batch["partner_ids.x"].shape[0] == 4


def test_a_length_beyond_the_model_is_refused(schedule):
    with pytest.raises(InputError, match="length=99"):
        transform(schedule, length=99)
