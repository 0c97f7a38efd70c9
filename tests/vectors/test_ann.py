from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from embedworks.vectors import ann
from embedworks.vectors.index_folder import IndexFolder
from embedworks.vectors.records import Size, VersionRecord
from embedworks.vectors.table import Table
from helpers.indexes import as_column, small_index, texts, write_rows

pytest.importorskip("lancedb")

ROWS, WIDTH, CLUSTERS = 12_000, 32, 200
TARGET = 0.95
ASKED = 0.98  # of stored rows, by clusters that come out differently each time: room for other queries
LIMITS = {
    "exact": {},
    "ivf_hnsw_sq": {"exact_rows": 1000},
    "ivf_pq": {"exact_rows": 1000, "hnsw_rows": 2000},
}


def clustered(rows, seed):
    """Vectors of length one around a few hundred centres, near enough for clusters to overlap."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(CLUSTERS, WIDTH))
    vectors = centres[random.integers(0, CLUSTERS, rows)] + 0.7 * random.normal(size=(rows, WIDTH))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module", params=["ivf_hnsw_sq", "ivf_pq"])
def table(request, tmp_path_factory):
    index = IndexFolder.create(tmp_path_factory.mktemp(request.param) / "index")
    size = Size(column="vector", layers=6, dimensions=WIDTH)
    facts = {"model": "m", "asked": "m", "folder": "m", "weights": "w", "corpus": "c", "split": "train"}
    facts |= {"corpus_digest": "d", "column": "text", "keep": ("part",), "created": 1.0}
    record = VersionRecord(id="a" * 12 + "-" + "b" * 8, sizes=(size,), rows=ROWS, **facts)
    folder = index.write(record)
    rows = {
        "id": pa.array(np.random.default_rng(5).permutation(ROWS)),  # ids are not places
        "key": pa.array([bytes(16)] * ROWS, pa.binary(16)),
        "part": pa.array(np.arange(ROWS) % 100),
        "vector": as_column(clustered(ROWS, seed=1)),
    }
    write_rows(folder, pa.table(rows))
    found = ann.build(folder, record, recall=ASKED, **LIMITS[request.param])
    index.write(record.model_copy(update={"complete": True, "ann": found}))
    index.switch(record.id)
    return Table.open(index.path)


def share_found(table, queries, limit=10, **options):
    """The share of the truly nearest rows that a search finds, by products in float64."""
    rows = table.store.dataset.to_table(columns=["id", "part"])
    scores = queries.astype(np.float64) @ clustered(ROWS, seed=1).astype(np.float64).T
    if part := options.get("where"):
        scores[:, rows["part"].to_numpy() != part["part"]] = -2
    right = rows["id"].to_numpy()[np.argsort(-scores, axis=1)[:, :limit]]
    found = table.search(queries, limit, **options)
    return np.mean([len(set(a) & set(b)) / limit for a, b in zip(found.ids, right.tolist(), strict=True)])


def test_recall_is_reached_as_recorded_and_for_queries_that_are_not_stored(table):
    how = table.record.ann["vector"]
    assert how.kind in LIMITS
    assert how.recall >= ASKED
    assert how.sampled == 200
    assert table.store.table.index_stats("vector_idx").index_type == how.kind.upper()
    queries = clustered(300, seed=2)
    assert not table.search(queries[:1], 10).exact
    assert share_found(table, queries) >= TARGET


def test_exact_search_beside_an_index_finds_all(table):
    queries = clustered(50, seed=3)
    assert share_found(table, queries, exact=True) == 1
    assert table.search(queries, 10, exact=True).exact
    assert share_found(table, queries, exact=True, where={"part": 7}) == 1


def test_a_narrow_filter_fills_the_limit_and_scores_are_cosines(table):
    queries = clustered(40, seed=4)
    assert share_found(table, queries, where={"part": 42}) >= TARGET
    found = table.search(queries, 20, where={"part": 42})
    vectors = clustered(ROWS, seed=1)
    place = {number: i for i, number in enumerate(table.store.column("id").to_pylist())}
    for query, ids, scores, rows in zip(queries, found.ids, found.scores, found.rows, strict=True):
        assert len(ids) == 20
        assert [row["part"] for row in rows] == [42] * 20
        assert np.all(np.diff(scores) <= 0)
        own = vectors[[place[number] for number in ids]]
        np.testing.assert_allclose(scores, own @ query, atol=1e-4)


def test_more_hits_than_the_graph_keeps_candidates_are_found(table):
    assert share_found(table, clustered(5, seed=6), limit=1000) > 0.8


def test_a_cut_vector_is_searched_exactly(table):
    size = table.size(dimensions=16)
    queries = clustered(5, seed=7)[:, :16]
    found = table.search(queries, 10, size=size)
    assert found.exact
    rows = clustered(ROWS, seed=1)[:, :16].astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    unit = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    best = -np.sort(-(unit @ rows.T), axis=1)[:, :10]
    np.testing.assert_allclose(found.scores, best, atol=1e-5)


def test_threads_get_the_answers_that_one_gets(table):
    queries = clustered(40, seed=8)
    alone = [table.search(query, 5).ids[0].tolist() for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda query: table.search(query, 5).ids[0].tolist(), queries)) == alone


def test_a_row_that_finds_itself_has_found_nothing(table):
    sample = ann.draw(table, table.record.full)
    vectors = clustered(ROWS, seed=1).astype(np.float64)
    place = {number: i for i, number in enumerate(table.store.column("id").to_pylist())}
    for number, query, least in zip(sample.ids[:20], sample.queries_QD, sample.least_Q, strict=False):
        scores = vectors @ query
        scores[place[number]] = -2
        assert least == pytest.approx(np.sort(scores)[-ann.HITS], abs=1e-5)
    out_of_reach = replace(sample, least_Q=np.full_like(sample.least_Q, 1 - 1e-4))
    assert ann.measure(table, table.record.full, table.record.ann["vector"], out_of_reach) == 0


def test_few_rows_need_no_index(tmp_path):
    index = small_index(tmp_path)
    assert {how.kind for how in index.record.ann.values()} == {"exact"}
    assert all(how.recall is None for how in index.record.ann.values())


@pytest.mark.parametrize("normalize", [True, False])
def test_products_are_ranked_as_products(tmp_path, normalize):
    """By a model that compares by products, with long vectors or unit ones, in the graph and exactly."""
    index = small_index(
        tmp_path, similarity="dot", normalize=normalize, ann={"exact_rows": 10, "recall": 1.0}
    )
    table = Table.open(index.path)
    assert table.record.ann["vector"].kind == "ivf_hnsw_sq"
    queries = 3 * np.stack(table.store.column("vector").to_numpy()[:4])
    near, exact = table.search(queries, 8), table.search(queries, 8, exact=True)
    products = queries @ np.stack(table.store.column("vector").to_numpy()).T
    for query in range(4):
        np.testing.assert_allclose(exact.scores[query], -np.sort(-products[query])[:8], rtol=1e-4)
        np.testing.assert_allclose(near.scores[query], exact.scores[query], rtol=1e-3)
    assert len(texts()) == table.record.rows


def test_a_target_that_is_out_of_reach_is_told_and_recorded(tmp_path, caplog):
    index = small_index(tmp_path)
    folder = index.folder.folder(index.record.id)
    table = Table.open(index.path)
    size = index.record.full
    sample = ann.draw(table, size)
    with caplog.at_level("WARNING"):
        found = ann.build(folder, index.record, exact_rows=10, recall=1.01)
    assert "1.01 was asked for" in caplog.text
    assert found["vector"].refine == ann.MOST_REFINE
    again = ann.measure(table, size, found["vector"], sample)
    assert again == pytest.approx(found["vector"].recall, abs=1e-4)
