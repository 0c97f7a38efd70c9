from __future__ import annotations

import numpy as np
import pyarrow as pa

from embedworks.corpora.decoded import DecodedGroups


def table(rows: int) -> pa.Table:
    return pa.table({"x": np.zeros(rows)})


def test_what_was_not_used_for_longest_goes_first():
    kept = DecodedGroups(limit=100 * 8)
    for key in "abc":
        kept.put(key, table(33))
    assert kept.get("a") is not None
    kept.put("d", table(33))
    assert [key for key in "abcd" if kept.get(key)] == ["a", "c", "d"]


def test_a_table_larger_than_the_limit_is_kept_alone():
    kept = DecodedGroups(limit=8)
    kept.put("a", table(5))
    kept.put("b", table(5))
    assert kept.get("a") is None
    assert kept.get("b") is not None
