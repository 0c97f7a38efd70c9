"""Rows by place are the same from either format, whatever pieces they were written in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedworks.vectors.store import open_store, vectors_of
from helpers.indexes import as_column, write_rows

ROWS = 50
VECTORS = np.random.default_rng(0).random((ROWS, 3), np.float32)
TABLE = pa.table(
    {"id": np.arange(ROWS), "text": [f"text {row}" for row in range(ROWS)], "vector": as_column(VECTORS)}
)


@pytest.fixture(params=["lance", "parquet"])
def store(request, tmp_path):
    if request.param == "lance":
        pytest.importorskip("lancedb")
        write_rows(tmp_path, TABLE)
    else:
        folder = tmp_path / "vectors"
        folder.mkdir()
        for number, (first, rows) in enumerate([(0, 20), (20, 1), (21, 29)]):
            piece = TABLE.slice(first, rows)
            pq.write_table(piece, folder / f"{number}.parquet", row_group_size=7)
    return open_store(tmp_path)


@pytest.mark.parametrize("places", [[0], [49, 0, 49], [6, 7, 8], [20, 19, 21], list(range(ROWS)), []])
def test_rows_come_in_the_order_asked_for(store, places):
    found = store.take(places, ["vector", "text"])
    assert found.column_names == ["vector", "text"]
    assert found["text"].to_pylist() == [f"text {place}" for place in places]
    np.testing.assert_array_equal(
        vectors_of(found["vector"].combine_chunks()), VECTORS[places].reshape(-1, 3)
    )
    assert store.take(places, ["text"])["text"].to_pylist() == found["text"].to_pylist()
