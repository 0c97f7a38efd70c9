"""What a table refuses, and which rows and sizes it gives."""

from __future__ import annotations

import numpy as np
import pytest

from embedworks.errors import InputError
from embedworks.vectors import table as tables
from embedworks.vectors.table import Table
from helpers.indexes import FULL, SMALL, TOPICS, small_index, texts

ONE = np.ones((1, FULL[1]), np.float32)


@pytest.fixture(scope="module", params=["lance", "parquet"])
def table(request, tmp_path_factory):
    return Table.open(small_index(tmp_path_factory.mktemp("index"), layout=request.param).path)


def test_sizes_are_stored_ones_or_cut_from_the_narrowest_that_has_enough(table):
    assert table.size() == table.record.full
    assert table.size(*SMALL).column == "vector_2x16"
    assert table.size(2).dimensions == 16
    cut = table.size(dimensions=8)
    assert (cut.column, cut.layers, cut.dimensions) == ("vector", 4, 8)
    for layers, dimensions in ((3, None), (2, 17), (None, 33), (None, 0)):
        with pytest.raises(InputError, match=r"is no size of this index; expected .* of 4x32, 2x16"):
            table.size(layers, dimensions)


def test_a_cut_is_searched_as_the_model_would_give_it(table):
    vectors = np.stack(table.store.column("vector").to_numpy())[:, :8]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = table.search(vectors[3], 5, size=table.size(dimensions=8))
    best = -np.sort(-(vectors @ vectors[3]))[:5]
    np.testing.assert_allclose(found.scores[0], best, atol=1e-5)
    assert found.ids[0][0] == 3


def test_a_filter_leaves_fewer_hits_rather_than_wrong_ones(table):
    found = table.search(ONE, 50, where={"topic": ["birds", "sky"], "year": {"gte": 2010}})
    rows = texts()
    right = [i for i, row in enumerate(rows) if row["topic"] in ("birds", "sky") and row["year"] >= 2010]
    assert sorted(found.ids[0].tolist()) == right
    assert table.search(ONE, 5, where={"topic": []}).ids[0].tolist() == []
    assert table.search(ONE, 5, where={"topic": "none of them"}).rows == [[]]


def test_a_search_streamed_from_disk_is_that_in_memory(table, monkeypatch):
    queries = np.random.default_rng(0).normal(size=(4, FULL[1])).astype(np.float32)
    where = {"topic": list(TOPICS)[:3]}
    memory = table.search(queries, 7, where=where)
    monkeypatch.setattr(tables, "IN_MEMORY", 0)
    stream = table.search(queries, 7, where=where)
    assert [own.tolist() for own in stream.ids] == [own.tolist() for own in memory.ids]
    assert stream.rows == memory.rows


def test_rows_come_in_the_order_asked_for_and_as_often(table):
    rows = table.rows([5, 60, 5], ["title", "year"])
    expected = [{"id": i, "title": texts()[i]["title"], "year": texts()[i]["year"]} for i in (5, 60, 5)]
    assert rows.to_pylist() == expected
    for wrong in (61, -1):
        with pytest.raises(InputError, match=f"no row {wrong}"):
            table.rows([5, wrong])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queries_QD": ONE[:, :16]}, r"shape \(1, 16\) do not fit; expected 32 columns"),
        ({"queries_QD": ONE[None]}, "do not fit"),
        ({"queries_QD": np.full((1, 32), np.nan)}, "not finite"),
        ({"limit": 0}, "limit=0 is not possible"),
        ({"columns": ["titl"]}, "keeps no column 'titl'; .*did you mean 'title'"),
        ({"columns": ["vector"]}, "keeps no column 'vector'"),
        ({"where": {"topics": "sky"}}, "did you mean 'topic'"),
    ],
)
def test_what_cannot_be_searched_is_refused(table, options, message):
    with pytest.raises(InputError, match=message):
        table.search(**{"queries_QD": ONE, **options})


def test_vectors_that_are_gone_or_fewer_than_recorded_are_told(tmp_path):
    index = small_index(tmp_path, layout="parquet")
    folder = index.folder.folder(index.record.id)
    (folder / "vectors" / "00001.parquet").unlink()
    with pytest.raises(InputError, match="have not 61 rows"):
        Table.open(index.path).search(ONE, 3)
    (folder / "vectors" / "00000.parquet").unlink()
    with pytest.raises(InputError, match="holds no vectors"):
        Table.open(index.path)


def test_a_missing_library_is_named_with_the_extra(tmp_path, monkeypatch):
    index = small_index(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "lancedb", None)
    with pytest.raises(
        InputError, match=r"needs the library lancedb; expected pip install 'embedworks\[index\]'"
    ):
        Table.open(index.path)
