"""Rows of an earlier version are found by content, from files that were sorted in bounded pieces."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from embedworks.indexing.content import as_arrow, as_keys, content_keys
from embedworks.indexing.known import KnownVectors, keys_of, write_known
from embedworks.indexing.pieces import open_pieces
from embedworks.vectors.store import open_store

TEXTS = [f"text {row}" for row in range(1000)]


def test_keys_survive_arrow_and_slices_with_their_trailing_zeros():
    keys = np.array([b"\0" * 16, b"a" + b"\0" * 15, b"\0" * 15 + b"z"], "S16")
    column = as_arrow(keys)
    assert column.to_pylist() == [b"\0" * 16, b"a" + b"\0" * 15, b"\0" * 15 + b"z"]
    assert as_keys(column.slice(1)).tolist() == keys[1:].tolist()


def test_equal_contents_alone_have_equal_keys():
    keys = content_keys(["a", "b", "a", ""])
    assert keys[0] == keys[2]
    assert len(set(keys.tolist())) == 3
    assert content_keys([b"a"])[0] == keys[0]


@pytest.mark.parametrize("kind", ["lance", "parquet"])
@pytest.mark.parametrize("bucket_rows", [10_000, 37])
def test_vectors_are_found_whatever_the_buckets(kind, bucket_rows, tmp_path):
    store = open_pieces(tmp_path, kind)
    keys, vectors = content_keys(TEXTS), np.random.default_rng(0).random((1000, 4), np.float32)
    columns = {
        "key": as_arrow(keys),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 4),
    }
    table = pa.table(columns)
    pieces = [store.write(0, table.slice(0, 700)), store.write(1, table.slice(700))]
    store.commit(pieces, table.schema)
    write_known(keys_of(open_store(tmp_path)), 1000, tmp_path / "known", bucket_rows)
    known = KnownVectors(tmp_path / "known", open_store(tmp_path), ["vector"])
    asked = content_keys([TEXTS[999], "nobody", TEXTS[3], TEXTS[3], TEXTS[700]])
    rows = known.find(asked)
    assert rows.tolist() == [999, -1, 3, 3, 700]
    np.testing.assert_array_equal(known.vectors(rows[rows >= 0])[0], vectors[[999, 3, 3, 700]])
    assert sorted(file.name for file in (tmp_path / "known").iterdir()) == [
        "known-keys.npy",
        "known-rows.npy",
    ]
