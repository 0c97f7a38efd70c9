from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from embedworks.errors import InputError
from embedworks.transforms.packing import PackedTransform, pack
from embedworks.transforms.replaced_tokens import MaskAllChosen
from embedworks.transforms.tokens import lists_array
from embedworks.transforms.transform import EPOCH, SAMPLE
from helpers.tiny import tiny_tokenizer

LENGTHS = st.lists(st.integers(1, 20), max_size=60)
METHODS = ["first-fit-decreasing", "next-fit"]


@pytest.mark.parametrize("method", METHODS)
@given(LENGTHS, st.one_of(st.none(), st.integers(1, 9)))
def test_every_token_of_every_document_is_there_once(method: Any, lengths: list[int], window: Any) -> None:
    lists = [[100 * document + place for place in range(length)] for document, length in enumerate(lengths)]
    rows = pack(lengths, 20, method=method, window=window)
    assert sorted(rows.order_N.tolist()) == list(range(len(lengths)))
    ids = rows.fill(lists_array(lists), -1)
    assert ids.shape == rows.position_ids_RL.shape == rows.segment_ids_RL.shape == (len(rows.documents), 20)
    for row, documents in enumerate(rows.documents):
        expected = [token for document in documents for token in lists[document]]
        marks = [n for n, document in enumerate(documents, start=1) for _ in lists[document]]
        places = [place for document in documents for place in range(lengths[document])]
        rest = 20 - len(expected)
        assert ids[row].tolist() == expected + [-1] * rest
        assert rows.segment_ids_RL[row].tolist() == marks + [0] * rest
        assert rows.position_ids_RL[row].tolist() == places + [0] * rest
    waste = 1 - sum(lengths) / ids.size if ids.size else 0
    assert rows.waste() == pytest.approx(waste)


@given(LENGTHS)
def test_first_fit_decreasing_by_hand(lengths: list[int]) -> None:
    rows: list[list[int]] = []
    for document in sorted(range(len(lengths)), key=lambda d: -lengths[d]):
        for row in rows:
            if sum(lengths[d] for d in row) + lengths[document] <= 20:
                row.append(document)
                break
        else:
            rows.append([document])
    assert [list(row) for row in pack(lengths, 20).documents] == rows


def test_next_fit_keeps_the_order_and_first_fit_wastes_less() -> None:
    lengths = [6, 5, 4, 5]
    in_order = pack(lengths, 10, method="next-fit")
    assert in_order.documents == ((0,), (1, 2), (3,))
    fitted = pack(lengths, 10)
    assert fitted.documents == ((0, 2), (1, 3))
    assert (in_order.waste(), fitted.waste()) == (pytest.approx(1 / 3), 0.0)


def test_a_window_keeps_documents_near_their_place() -> None:
    rows = pack([6, 5, 4, 5], 10, window=2)
    assert rows.documents == ((0,), (1,), (3, 2))


def test_long_documents_are_cut_or_refused_and_empty_ones_refused() -> None:
    with pytest.raises(InputError, match="document 1 has 7 tokens, too many for a row; expected at most 5"):
        pack([3, 7], 5)
    cut = pack([3, 7], 5, too_long="cut")
    assert cut.fill(lists_array([[1, 2, 3], list(range(10, 17))]), 0).tolist() == [
        [10, 11, 12, 13, 14],
        [1, 2, 3, 0, 0],
    ]
    with pytest.raises(InputError, match="document 1 has no token"):
        pack([3, 0], 5)


def test_other_refusals() -> None:
    with pytest.raises(InputError, match="did you mean 'next-fit'"):
        pack([1], 5, method="nextfit")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown too_long 'drop'; expected cut or refuse"):
        pack([1], 5, too_long="drop")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="row_length=0"):
        pack([1], 0)
    with pytest.raises(InputError, match="window=0"):
        pack([1], 5, window=0)
    with pytest.raises(ValueError, match="not as long"):
        pack([1, 2], 5).fill(lists_array([[1], [2]]), 0)


TEXTS = ["the red bird sings", "a cat", "sort the list", "tree", "open a file and read it"]


def corpus_rows(texts: list[str]) -> pa.Table:
    count = len(texts)
    return pa.table({"text": texts, EPOCH: [0] * count, SAMPLE: list(range(count))})


def test_a_packed_transform_holds_what_the_transform_made() -> None:
    inner = MaskAllChosen(tiny_tokenizer(), max_length=16, rate=0.4)
    transform = PackedTransform(inner, {"input_ids": 0, "labels": 0}, row_length=16)
    assert transform.columns == ("text",)
    rows = transform(corpus_rows(TEXTS))
    assert rows == inner(corpus_rows(TEXTS))
    batch = transform.collate(rows)
    assert {value.dtype for value in batch.values()} == {torch.int64}
    assert sorted(batch["documents"].tolist()) == list(range(5))
    marks = zip(batch["segment_ids"], batch["input_ids"], batch["labels"], strict=True)
    found = [
        {"input_ids": ids[mark == n].tolist(), "labels": labels[mark == n].tolist()}
        for mark, ids, labels in marks
        for n in range(1, int(mark.max()) + 1)
    ]
    assert found == [rows.to_pylist()[document] for document in batch["documents"].tolist()]


def test_a_packed_transform_refuses_or_cuts_as_it_is_told() -> None:
    inner = MaskAllChosen(tiny_tokenizer(), max_length=16)
    columns, rows = {"input_ids": 0}, inner(corpus_rows(TEXTS))
    with pytest.raises(InputError, match="too many for a row"):
        PackedTransform(inner, columns, row_length=5).collate(rows)
    cut = PackedTransform(inner, columns, row_length=5, too_long="cut", method="next-fit").collate(rows)
    assert cut["input_ids"].shape == (5, 5)
    assert np.array_equal(cut["documents"], np.arange(5))
