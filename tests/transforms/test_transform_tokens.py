import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from embedworks.errors import InputError
from embedworks.transforms.tokens import PortableTokenizer, check_length, pad_lists
from helpers.tiny import tiny_tokenizer


def test_padding() -> None:
    lists = pa.chunked_array([[[1, 2, 3]], [[], [4]]], pa.list_(pa.int32()))
    ids, mask = pad_lists(lists, 9, multiple=4)
    assert ids.tolist() == [[1, 2, 3, 9], [9, 9, 9, 9], [4, 9, 9, 9]]
    assert mask.tolist() == [[1, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert pad_lists(lists, 9, multiple=8, limit=6)[0].shape == (3, 6)


def test_padding_of_a_slice() -> None:
    lists = pa.array([[1, 2, 3], [4], [5, 6]], pa.list_(pa.int32())).slice(1)
    assert pad_lists(lists, 0, multiple=1)[0].tolist() == [[4, 0], [5, 6]]


def test_lengths() -> None:
    assert check_length("length", 64, 64) == 64
    with pytest.raises(InputError, match="length=65 is longer than the 64 tokens that the model reads"):
        check_length("length", 65, 64)


def test_a_tokenizer_travels_as_its_folder_if_it_has_one(tmp_path: Path) -> None:
    tiny_tokenizer().save_pretrained(tmp_path)
    from_folder = PortableTokenizer(AutoTokenizer.from_pretrained(tmp_path))
    in_memory = PortableTokenizer(tiny_tokenizer())
    assert len(pickle.dumps(from_folder)) < 500 < len(pickle.dumps(in_memory))
    for tokens in (from_folder, in_memory):
        twin = pickle.loads(pickle.dumps(tokens))
        assert twin.encode(["the red bird"], 8) == tokens.encode(["the red bird"], 8)
    assert from_folder.encode([], 8) == []
