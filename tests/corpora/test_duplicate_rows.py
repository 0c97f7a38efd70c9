from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from embedworks.corpora.duplicates import count_duplicates, row_digests, sort_digests


def digests(rows: list[tuple[object, ...]]) -> np.ndarray:
    columns = zip(*rows, strict=True) if rows else ((), ())
    return row_digests(pa.table({f"c{i}": pa.array(list(column)) for i, column in enumerate(columns)}))


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 10), st.integers(0, 60))
def test_duplicates_are_counted_over_all_parts_a_range_at_a_time(values, range_rows, cut):
    parts = [sort_digests(digests([(str(v), v) for v in part])) for part in (values[:cut], values[cut:])]
    expected = sum(count - 1 for count in Counter(values).values())
    assert count_duplicates([part for part in parts if len(part)], range_rows) == expected


def test_rows_that_look_alike_are_told_apart():
    alike = [("a", "bc"), ("ab", "c"), ("abc", ""), ("", "abc"), ("None", None), (None, "None")]
    assert len({row.tobytes() for row in digests(alike)}) == len(alike)
    text, data = digests([("1",)]), digests([(b"1",)])
    number = digests([(1,)])
    assert len({text.tobytes(), data.tobytes(), number.tobytes()}) == 3


def test_nothing_has_no_duplicates():
    assert count_duplicates([]) == 0
