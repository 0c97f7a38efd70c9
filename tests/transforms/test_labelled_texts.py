from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest

from embedworks.errors import InputError
from embedworks.transforms.labelled_pairs import LabelledTexts
from embedworks.transforms.labelled_texts import LabelledTextTransform, TextSchedule
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE
from helpers.tiny import tiny_tokenizer

TEXTS = ("a red bird", "the blue bird", "an old stone", "a tree", "grow old")
LABELS = (0, 0, 2, 1, 1)


@pytest.fixture
def file(tmp_path):
    LabelledTexts(TEXTS, np.array(LABELS), ("bird", "grow", "stone")).save(tmp_path / "texts.parquet")
    return tmp_path / "texts.parquet"


def made(file, rows: int = 2, length: int = 8) -> LabelledTextTransform:
    return LabelledTextTransform(
        tiny_tokenizer(),
        TextSchedule(file, 3),
        rows=rows,
        length=length,
        max_length=16,
        columns=("headword",),
    )


def samples(places: list[tuple[int, int]], **more: list[int]) -> pa.Table:
    epochs, numbers = zip(*places, strict=True)
    return pa.table({EPOCH: pa.array(epochs), SAMPLE: pa.array(numbers), **more})


def test_every_text_comes_once_a_pass_with_its_own_label(file):
    schedule = TextSchedule(file, 3)
    right = dict(zip(TEXTS, LABELS, strict=True))
    orders = []
    for first in (0, 5, 10):
        found = [schedule.text(place) for place in range(first, first + 5)]
        assert dict(found) == right
        orders.append(found)
    assert orders[0] != orders[1] or orders[1] != orders[2]
    assert [schedule.text(place) for place in range(5)] == orders[0]


def test_seeds_and_streams_have_orders_of_their_own(file):
    def order(seed: int, stream: int) -> list[tuple[str, int]]:
        return [TextSchedule(file, seed).text(place, stream) for place in range(50)]

    assert order(3, 0) == order(3, 0)
    assert order(3, 0) != order(4, 0)
    assert order(3, 0) != order(3, 1)


def test_a_row_stands_for_its_place(file):
    transform = made(file)
    # Two rows an epoch: epochs 0, 1, 2 cover places 0 to 5, the last of which is of the next pass.
    table = transform(samples([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]))
    assert sorted(table["label"].to_pylist()) == sorted(LABELS)
    schedule, tokens = transform.schedule, tiny_tokenizer()
    for place, ids in enumerate(table["input_ids"].to_pylist()):
        assert ids == tokens(schedule.text(place)[0])["input_ids"]
    alone = transform(samples([(1, 1)]))
    assert alone.to_pylist() == table.to_pylist()[3:4]
    other = transform(samples([(1, 1)], **{SOURCE: [1]}))
    assert other["label"].to_pylist() == [schedule.text(3, 1)[1]]


def test_a_batch_is_padded_and_labelled(file):
    transform = pickle.loads(pickle.dumps(made(file)))
    batch = transform.collate(transform(samples([(0, 0), (0, 1), (1, 0)])))
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (3, 8)
    assert batch["label"].tolist() == [transform.schedule.text(place)[1] for place in range(3)]
    assert transform.columns == ("headword",)


def test_a_length_that_the_model_cannot_read_is_refused(file):
    with pytest.raises(InputError, match="length=20"):
        made(file, length=20)
