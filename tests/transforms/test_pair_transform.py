import pickle
from typing import Any

import pyarrow as pa
import pytest
import torch
from transformers import AutoTokenizer

from embedworks.errors import InputError
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.transform import EPOCH, SAMPLE, SOURCE, sample_rng
from helpers.tiny import tiny_embedder

POOL = ["stone", "river", "sun", "moon"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return AutoTokenizer.from_pretrained(tiny_embedder(tmp_path_factory.mktemp("model"), layers=1))


def make(tokenizer: Any, **options: Any) -> PairTransform:
    lengths = {"query_length": 8, "positive_length": 12, "max_length": 64}
    return PairTransform(tokenizer, **(lengths | options))


def rows(epoch: int = 0, **columns: list[Any]) -> pa.Table:
    texts = {"query": ["the bird", "sort a list"], "positive": ["a red bird sings in a tree", "list"]}
    return pa.table({**texts, EPOCH: [epoch] * 2, SAMPLE: [10, 11], **columns})


def texts(tokenizer: Any, ids: torch.Tensor) -> list[str]:
    return list(tokenizer.batch_decode(ids, skip_special_tokens=True))


def test_pairs(tokenizer: Any) -> None:
    transform = make(tokenizer)
    model_rows = transform(rows())
    assert model_rows.schema.field("query_ids").type == pa.list_(pa.int32())
    batch = transform.collate(model_rows)
    assert set(batch) == {"query_ids", "query_mask", "candidate_ids", "candidate_mask"}
    assert {value.dtype for value in batch.values()} == {torch.int64}
    assert batch["query_ids"].shape == (2, 8)
    assert batch["candidate_ids"].shape == (2, 12)  # 10 tokens: rounded to 16, above the limit
    assert batch["candidate_mask"].sum(1).tolist() == [10, 3]
    assert batch["candidate_ids"][1, 3:].eq(tokenizer.pad_token_id).all()
    assert texts(tokenizer, batch["candidate_ids"]) == ["a red bird sings in a tree", "list"]


def test_ids_are_those_of_transformers(tokenizer: Any) -> None:
    model_rows = make(tokenizer)(rows(negative=["cat", "dog"], negatives=[POOL, POOL]))
    for column, length in (("query", 8), ("positive", 12)):
        expected = tokenizer(rows()[column].to_pylist(), truncation=True, max_length=length)["input_ids"]
        assert model_rows[f"{column}_ids"].to_pylist() == expected


def test_long_texts_are_cut(tokenizer: Any) -> None:
    batch = make(tokenizer, positive_length=4).collate(make(tokenizer, positive_length=4)(rows()))
    assert texts(tokenizer, batch["candidate_ids"]) == ["a red", "list"]


def test_positives_come_first_in_their_group(tokenizer: Any) -> None:
    transform = make(tokenizer, hard_negatives=2)
    batch = transform.collate(transform(rows(negative=["cat", "dog"], negatives=[POOL, POOL])))
    found = texts(tokenizer, batch["candidate_ids"])
    assert len(found) == 8
    assert found[0] == "a red bird sings in a tree"
    assert found[1] == "cat"
    assert found[4:6] == ["list", "dog"]
    assert len(set(found[2:4])) == 2
    assert {*found[2:4], *found[6:8]} <= set(POOL)


def test_draws_depend_on_seed_epoch_and_sample_alone(tokenizer: Any) -> None:
    columns = {"negatives": [POOL * 5, POOL * 5]}
    drawn = make(tokenizer, hard_negatives=3)(rows(**columns))
    assert drawn == make(tokenizer, hard_negatives=3)(rows(**columns))
    assert drawn.slice(1, 1) == make(tokenizer, hard_negatives=3)(rows(**columns).slice(1, 1))
    assert drawn != make(tokenizer, hard_negatives=3)(rows(epoch=1, **columns))
    assert drawn != make(tokenizer, hard_negatives=3, seed=1)(rows(**columns))


def test_a_draw_is_that_of_the_samples_own_generator(tokenizer: Any) -> None:
    pool = [f"{a} {b}" for a in POOL for b in POOL]
    drawn = make(tokenizer, hard_negatives=3, seed=4)(rows(epoch=2, negatives=[pool, pool]))
    for sample, ids in zip([10, 11], drawn["negative_ids"].to_pylist(), strict=True):
        wanted = sample_rng(4, 2, sample).choice(len(pool), 3, replace=False)
        assert list(tokenizer.batch_decode(ids, skip_special_tokens=True)) == [pool[i] for i in wanted]


def test_every_negative_comes_up_and_none_twice_in_a_row(tokenizer: Any) -> None:
    transform = make(tokenizer, hard_negatives=3)
    seen = []
    for epoch in range(20):
        for ids in transform(rows(epoch, negatives=[POOL, POOL]))["negative_ids"].to_pylist():
            found = tokenizer.batch_decode(ids, skip_special_tokens=True)
            assert len(set(found)) == 3
            seen += found
    assert set(seen) == set(POOL)


def test_one_negative_a_row_is_taken_as_it_is(tokenizer: Any) -> None:
    for wanted in (1, 3):  # there is one, however many could be drawn from a list
        transform = make(tokenizer, hard_negatives=wanted)
        batch = transform.collate(transform(rows(negative=["cat", "dog"])))
        assert texts(tokenizer, batch["candidate_ids"])[1::2] == ["cat", "dog"]


def test_negatives_are_cut_as_positives_are(tokenizer: Any) -> None:
    transform = make(tokenizer, hard_negatives=1, query_length=30, positive_length=4)
    batch = transform.collate(transform(rows(negatives=[["sun moon tree"], ["cat"]])))
    assert texts(tokenizer, batch["candidate_ids"]) == ["a red", "sun moon", "list", "cat"]


def test_few_negatives_are_repeated(tokenizer: Any) -> None:
    transform = make(tokenizer, hard_negatives=3)
    batch = transform.collate(transform(rows(negatives=[["cat"], ["dog", "sun"]])))
    assert texts(tokenizer, batch["candidate_ids"])[1:4] == ["cat"] * 3


def test_negatives_can_be_left_alone(tokenizer: Any) -> None:
    assert "negative_ids" not in make(tokenizer)(rows(negative=["cat", "dog"])).column_names
    assert "negative_ids" not in make(tokenizer, hard_negatives=2)(rows()).column_names


def test_scores_and_sources_pass_through(tokenizer: Any) -> None:
    transform = make(tokenizer)
    batch = transform.collate(transform(rows(score=[0.5, 2], **{SOURCE: [0, 1]})))
    assert torch.equal(batch["score"], torch.tensor([0.5, 2.0]))
    assert torch.equal(batch["source"], torch.tensor([0, 1]))


def test_refusals(tokenizer: Any) -> None:
    with pytest.raises(InputError, match="positive_length=196 is longer than the 64 tokens"):
        make(tokenizer, positive_length=196)
    with pytest.raises(InputError, match="row 1 of the batch has no text in column 'query'"):
        make(tokenizer)(rows().set_column(0, "query", pa.array(["a", None])))
    with pytest.raises(InputError, match="sample 11 has no text in column 'negatives'"):
        make(tokenizer, hard_negatives=2)(rows(negatives=[POOL, []]))
    with pytest.raises(InputError, match="sample 10 has no text in column 'negatives'"):
        make(tokenizer, hard_negatives=2)(rows(negatives=[[*POOL, None], POOL]))
    with pytest.raises(InputError, match="row 1 of the batch has no text in column 'negative'"):
        make(tokenizer, hard_negatives=2)(rows(negative=["cat", None]))


def test_it_travels_light(tokenizer: Any) -> None:
    data = pickle.dumps(make(tokenizer))
    assert len(data) < 1000
    assert pickle.loads(data)(rows()) == make(tokenizer)(rows())
