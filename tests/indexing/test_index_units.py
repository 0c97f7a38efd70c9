"""Rows are cut into units that cover each row once, within bounds, and always alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from embedworks.corpora.manifest import Shard
from embedworks.indexing.units import LEAST_ROWS, MOST_ROWS, cut_units, unit_rows


def shards(sizes: list[tuple[int, int]]) -> list[Shard]:
    return [
        Shard(file=f"s-{i}.parquet", rows=rows, bytes=size, sha256="0" * 64)
        for i, (rows, size) in enumerate(sizes)
    ]


@given(
    sizes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 100_000)), min_size=1, max_size=6),
    limit=st.integers(1, 1000),
    max_rows=st.integers(1, 200),
    max_bytes=st.integers(1, 50_000),
)
def test_units_cover_the_rows_once_and_keep_the_bounds(sizes, limit, max_rows, max_bytes):
    rows = min(limit, sum(size[0] for size in sizes))
    units = cut_units(shards(sizes), rows, 64, max_rows, max_bytes)
    assert [unit.number for unit in units] == list(range(len(units)))
    assert [row for unit in units for row in range(unit.first, unit.stop)] == list(range(rows))
    assert all(0 < unit.rows <= max_rows for unit in units)
    assert all(unit.rows == 1 or unit.rows * 64 <= max_bytes for unit in units)
    assert units == cut_units(shards(sizes), rows, 64, max_rows, max_bytes)


def test_a_unit_may_reach_over_small_shards():
    units = cut_units(shards([(10, 100)] * 10), 100, 4, max_rows=64)
    assert [(unit.first, unit.rows) for unit in units] == [(0, 64), (64, 36)]


def test_bytes_of_wide_rows_cut_a_unit_short():
    units = cut_units(shards([(100, 100 * 1000), (100, 100 * 10)]), 200, 0, max_rows=1000, max_bytes=20_000)
    assert [unit.rows for unit in units[:5]] == [20] * 5
    assert units[5].rows == 100


def test_units_grow_with_the_corpus_within_bounds():
    assert unit_rows(10) == LEAST_ROWS
    assert LEAST_ROWS < unit_rows(100_000) < MOST_ROWS
    assert unit_rows(100_000_000) == MOST_ROWS
