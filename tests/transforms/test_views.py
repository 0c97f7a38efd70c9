import pickle
from typing import Any

import pyarrow as pa
import pytest
import torch

from embedworks.errors import InputError
from embedworks.transforms.masking import NestedMaskTransform
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.replaced_tokens import MaskAllChosen
from embedworks.transforms.transform import EPOCH, SAMPLE, VIEW, sample_rng
from embedworks.transforms.views import Views, view
from helpers.tiny import tiny_tokenizer

TEXTS = ["the red bird sings in a tree by the river", "open a file and read the text in it", "sort"]


def rows(epoch: int = 0, first: int = 4) -> pa.Table:
    return pa.table({"text": TEXTS, EPOCH: [epoch] * 3, SAMPLE: list(range(first, first + 3))})


def masked(**options: Any) -> MaskAllChosen:
    return MaskAllChosen(tiny_tokenizer(), **({"max_length": 32, "rate": 0.4, "seed": 1} | options))


def test_view_0_is_what_the_transform_gives_alone() -> None:
    transform, views = masked(), Views([masked()] * 3)
    alone, batch = transform.collate(transform(rows())), views.collate(views(rows()))
    for key, value in alone.items():
        assert torch.equal(batch[f"{key}.0"], value)
        assert torch.equal(view(batch, 0)[key], value)


def test_views_of_a_sample_differ_and_depend_on_nothing_but_their_number() -> None:
    views = Views([masked()] * 3)
    made = views(rows())
    ids = [made[f"input_ids.{number}"].to_pylist() for number in range(3)]
    assert ids[0] != ids[1] != ids[2] != ids[0]
    assert made == views(rows())
    assert made == pickle.loads(pickle.dumps(views))(rows())
    assert made.slice(1, 1) == views(rows().slice(1, 1))
    assert made["input_ids.1"] == Views([masked()] * 2)(rows())["input_ids.1"]
    assert made != views(rows(epoch=1))


def test_a_views_generator_is_its_own() -> None:
    draws = {sample_rng(1, 0, 4, number).integers(2**60) for number in range(100)}
    assert len(draws) == 100


def test_views_of_other_shapes_and_sample_ids() -> None:
    views = Views([masked(), masked(), masked(max_length=5)])
    batch = views.collate(views(rows(epoch=7)))
    assert batch["input_ids.0"].shape[1] > batch["input_ids.2"].shape[1] == 5
    assert batch["sample"].tolist() == [4, 5, 6]
    assert set(view(batch, 2)) == {"input_ids", "labels", "attention_mask"}
    with pytest.raises(KeyError, match="no view 3"):
        view(batch, 3)


def test_every_random_transform_has_views() -> None:
    nested = Views([NestedMaskTransform(tiny_tokenizer(), length=32, max_length=32)] * 2)(rows())
    assert nested["encoder_ids.0"] != nested["encoder_ids.1"]
    pairs = PairTransform(
        tiny_tokenizer(), query_length=8, positive_length=8, max_length=32, hard_negatives=3
    )
    pool = [list("abcdefghijk")] * 3
    table = rows().append_column("query", pa.array(TEXTS)).append_column("positive", pa.array(TEXTS))
    made = Views([pairs] * 2)(table.append_column("negatives", pa.array(pool)))
    assert made["negative_ids.0"] != made["negative_ids.1"]
    assert made["query_ids.0"] == made["query_ids.1"]


def test_columns_are_those_of_all_views() -> None:
    pairs = PairTransform(tiny_tokenizer(), query_length=8, positive_length=8, max_length=32)
    views = Views([masked(), pairs])
    assert views.columns == ("text", "query", "positive")
    assert views.optional_columns == ("negative", "negatives", "score")
    assert VIEW not in views.columns
    with pytest.raises(InputError, match="no view"):
        Views([])
