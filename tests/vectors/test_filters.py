from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedworks.errors import InputError
from embedworks.vectors.filters import filterable, read_filter, sql

WORDS = ["a", "O'Brien", "x' OR 1=1 --", 'say "hi"', "back\\slash", "`tick`", "né", "", "%", "a;b", None]
ROWS = {
    "name of": pa.array([WORDS[i % len(WORDS)] for i in range(60)], pa.string()),
    "year": pa.array([None if i % 7 == 3 else i - 30 for i in range(60)], pa.int32()),
    "Share": pa.array([i / 10 for i in range(60)], pa.float32()),
    "odd": pa.array([bool(i % 2) for i in range(60)]),
    "id": pa.array(range(60), pa.int64()),
    "size": pa.array([2**64 - 60 + i for i in range(60)], pa.uint64()),
}
TABLE = pa.table(ROWS)
PASSES = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "ne": lambda a, b: a != b,
}
VALUES = {
    "name of": st.sampled_from(WORDS[:-1]) | st.text(st.characters(exclude_characters="\0"), max_size=6),
    "year": st.integers(-40, 40) | st.integers(-(2**31), 2**31 - 1),
    "Share": st.sampled_from([0, 1, 0.1, 0.3, 2.5, 5.9, -1e300, 1e-300]),
    "odd": st.booleans(),
    "id": st.integers(0, 60) | st.integers(-(2**63), 2**63 - 1) | st.just(-(2**63)),
    "size": st.integers(2**64 - 70, 2**64 - 1) | st.integers(0, 2**64 - 1),
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    lance = pytest.importorskip("lance")
    return lance.write_dataset(TABLE, str(tmp_path_factory.mktemp("filters") / "rows.lance"))


@st.composite
def filters(draw):
    found = {}
    for column in draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True)):
        value = VALUES[column]
        words = st.dictionaries(st.sampled_from(sorted(PASSES)), value, min_size=1, max_size=2)
        found[column] = draw(value | st.lists(value, max_size=4) | words)
    return found


def passes(row, where):
    """The meaning of a filter, in plain words of Python; a number is what its column can hold of it."""
    for column, asked in where.items():
        own = row[column]
        if own is None:
            return False
        if isinstance(asked, dict):
            if not all(PASSES[word](own, _held(column, value)) for word, value in asked.items()):
                return False
        elif own not in [_held(column, value) for value in (asked if isinstance(asked, list) else [asked])]:
            return False
    return True


def _held(column, value):
    with np.errstate(over="ignore"):
        return float(np.float32(value)) if column == "Share" else value


@settings(max_examples=150)
@given(where=filters())
def test_lance_and_memory_let_through_what_the_words_say(dataset, where):
    expected = [row["id"] for row in TABLE.to_pylist() if passes(row, where)]
    conditions = read_filter(where, TABLE.schema)
    assert dataset.to_table(columns=["id"], filter=sql(conditions))["id"].to_pylist() == expected
    masks = [one.mask(TABLE[one.column]) for one in conditions]
    assert np.flatnonzero(np.logical_and.reduce(masks)).tolist() == expected


def test_no_filter_is_no_condition():
    assert sql(read_filter(None, TABLE.schema)) is None
    assert sql(read_filter({}, TABLE.schema)) is None


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"yeear": 1}, r"no column 'yeear' to filter by; .*did you mean 'year'"),
        ({"year": "2020"}, r"filter\.year: '2020' does not fit; expected an integer"),
        ({"year": 2.5}, r"filter\.year: 2\.5 does not fit"),
        ({"year": True}, r"filter\.year: True does not fit"),
        ({"year": 2**31}, r"filter\.year: 2147483648 does not fit; expected an integer that int32 holds"),
        ({"year": None}, r"filter\.year: None does not fit"),
        ({"Share": float("nan")}, r"filter\.Share: nan does not fit; expected a number"),
        ({"Share": 10**400}, r"filter\.Share: 1000.* does not fit; expected a number"),
        ({"odd": 1}, r"filter\.odd: 1 does not fit; expected true or false"),
        ({"name of": 3}, r"filter\.name of: 3 does not fit; expected a string"),
        ({"name of": "a\0b"}, r"filter\.name of: .* does not fit"),
        ({"year": {"get": 3}}, r"filter\.year: unknown comparison 'get'; .*did you mean 'gt'"),
        ({"year": {}}, r"filter\.year: says nothing"),
        ({"year": {"gt": [1]}}, r"filter\.year: \[1\] does not fit"),
        ({"year": list(range(10_001))}, r"filter\.year: 10001 values are too many"),
        (["year"], r"filter: a filter is a mapping of columns"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_place(where, message):
    with pytest.raises(InputError, match=message):
        read_filter(where, TABLE.schema)


def test_vectors_keys_bytes_and_names_with_ticks_cannot_be_filtered_by():
    fields = [("a", pa.string()), ("vector", pa.list_(pa.float32(), 4)), ("key", pa.binary(16))]
    schema = pa.schema([*fields, ("image", pa.binary()), ("b`c", pa.int8())])
    assert filterable(schema) == ["a", "b`c"]
    for name in ("vector", "key", "image", "b`c"):
        with pytest.raises(InputError, match="filter"):
            read_filter({name: 1}, schema)
