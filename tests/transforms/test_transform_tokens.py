import pyarrow as pa
import pytest

from embedworks.errors import InputError
from embedworks.transforms.tokens import IDS, check_length, flatten, lists_array, pad_columns, pad_lists


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


def test_columns_are_padded_together() -> None:
    ids, labels = (lists_array(lists) for lists in ([[5, 6], [7]], [[-100, 6], [-100]]))
    (ids_BT, labels_BT), mask_BT = pad_columns([(ids, 0), (labels, -100)], multiple=1)
    assert ids_BT.tolist() == [[5, 6], [7, 0]]
    assert labels_BT.tolist() == [[-100, 6], [-100, -100]]
    assert mask_BT.tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize("lists", [[], [[]], [[1, 2], [], [2**31 - 1]]])
def test_lists_become_the_array_that_arrow_makes_and_flat_values(lists: list[list[int]]) -> None:
    array = lists_array(lists)
    assert array.equals(pa.array(lists, IDS))
    values, lengths = flatten(array)
    assert values.tolist() == [value for row in lists for value in row]
    assert lengths.tolist() == [len(row) for row in lists]


def test_flat_values_of_a_slice() -> None:
    values, lengths = flatten(pa.chunked_array([[[1, 2], [3]], [[4, 5]]], IDS).slice(1))
    assert (values.tolist(), lengths.tolist()) == ([3, 4, 5], [1, 2])
