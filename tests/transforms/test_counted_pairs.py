from __future__ import annotations

import math
import pickle

import pyarrow as pa
import pytest

from embedworks.errors import InputError
from embedworks.transforms.counted_pairs import CountedPairTransform, document_number, write_counts
from helpers.tiny import tiny_tokenizer

PAIRS = pa.table({"query": ["cat", "dog", "sun", "moon"], "positive": ["red", "red", "blue", "green"]})


def transform(file, **options) -> CountedPairTransform:
    sizes = {"query_length": 8, "document_length": 8, "max_length": 16}
    return CountedPairTransform(tiny_tokenizer(), file, **(sizes | options))


def test_q_is_a_document_s_share_of_the_pairs(tmp_path):
    write_counts(PAIRS["positive"].to_pylist(), tmp_path / "counts.parquet")
    found = pickle.loads(pickle.dumps(transform(tmp_path / "counts.parquet")))
    batch = found.collate(found(PAIRS))
    # Two of the four pairs have `red`.
    assert batch["log_q"].tolist() == pytest.approx([math.log(0.5)] * 2 + [math.log(0.25)] * 2)
    numbers = batch["document"].tolist()
    assert numbers[0] == numbers[1] == document_number("red")
    assert len(set(numbers)) == 3
    assert tiny_tokenizer().batch_decode(batch["query_ids"], skip_special_tokens=True) == [
        "cat",
        "dog",
        "sun",
        "moon",
    ]
    assert batch["document_mask"].sum(1).tolist() == [3, 3, 3, 3]


def test_a_separator_inside_a_document_is_one_token(tmp_path):
    write_counts(["red [SEP] fish"], tmp_path / "counts.parquet")
    rows = pa.table({"query": ["cat"], "positive": ["red [SEP] fish"]})
    found = transform(tmp_path / "counts.parquet", query_prompt="[MASK]")
    batch = found.collate(found(rows))
    tokens = tiny_tokenizer().convert_ids_to_tokens(batch["document_ids"][0][:5])
    assert tokens == ["[CLS]", "red", "[SEP]", "fish", "[SEP]"]
    assert tiny_tokenizer().convert_ids_to_tokens(batch["query_ids"][0][:3]) == ["[CLS]", "[MASK]", "cat"]


def test_bad_input_is_refused(tmp_path):
    with pytest.raises(InputError, match="no pair"):
        write_counts([], tmp_path / "counts.parquet")
    with pytest.raises(InputError, match="query_length=20"):
        transform(tmp_path / "counts.parquet", query_length=20)
