from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedworks.vectors.exact import Matrix, Measure, best, nearest_in_stream, products

DOT = Measure(unit=False, stored_unit=False, cosine=False)
COSINE = Measure(unit=True, stored_unit=False, cosine=True)


def brute_force(vectors, queries, ids, limit, passing, cosine):
    """Every score by itself in float64, all of them sorted."""
    hits = []
    for query in queries.astype(np.float64):
        scored = []
        for row, number in zip(vectors[:, : len(query)].astype(np.float64), ids, strict=True):
            lengths = max(np.sqrt(row @ row), 1e-12) * max(np.sqrt(query @ query), 1e-12) if cosine else 1.0
            scored.append((-(row @ query) / lengths, number))
        kept = [one for one, passes in zip(scored, passing, strict=True) if passes]
        hits.append(sorted(kept)[:limit])
    return hits


@st.composite
def problems(draw):
    """Small whole numbers: their products are exact in float32, so ties are ties, and there are many."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, width = draw(st.integers(1, 60)), draw(st.integers(1, 12))
    dimensions = draw(st.integers(1, width))
    vectors = random.integers(-2, 3, (rows, width)).astype(np.float32)
    queries = random.integers(-2, 3, (draw(st.integers(1, 5)), dimensions)).astype(np.float32)
    ids = random.permutation(1000)[:rows].astype(np.int64)
    passing = random.random(rows) < draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    return vectors, queries, ids, draw(st.integers(1, 70)), passing


@given(problems())
def test_products_in_memory_and_in_a_stream_are_those_of_brute_force_with_ties_filters_and_cuts(problem):
    vectors, queries, ids, limit, passing = problem
    expected = brute_force(vectors, queries, ids, limit, passing, cosine=False)
    found = Matrix(vectors, ids, DOT).nearest(queries, limit, np.flatnonzero(passing))
    kept, kept_ids = vectors[passing], ids[passing]
    batches = [(kept_ids[i : i + 7], kept[i : i + 7]) for i in range(0, len(kept), 7)]
    streamed = nearest_in_stream(batches, queries, limit, DOT)
    for all_ids, all_scores in (found, streamed):
        assert [own.tolist() for own in all_ids] == [[number for _, number in hits] for hits in expected]
        assert [own.tolist() for own in all_scores] == [[-score for score, _ in hits] for hits in expected]


@given(problems())
def test_cosines_are_those_of_brute_force(problem):
    vectors, queries, ids, limit, passing = problem
    expected = brute_force(vectors, queries, ids, limit, passing, cosine=True)
    by_id = brute_force(vectors, queries, ids, len(ids), passing, cosine=True)
    found, scores = Matrix(vectors, ids, COSINE).nearest(queries, limit, np.flatnonzero(passing))
    for own, own_scores, hits, all_hits in zip(found, scores, expected, by_id, strict=True):
        true = {number: -score for score, number in all_hits}
        np.testing.assert_allclose(own_scores, [-score for score, _ in hits], atol=1e-6)
        np.testing.assert_allclose(own_scores, [true[number] for number in own], atol=1e-6)
        assert len(set(own.tolist())) == len(own) == min(limit, passing.sum())


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 50))
def test_the_best_are_the_first_of_a_stable_sort(scores, limit):
    values, ids = np.array(scores, np.float32), np.arange(len(scores))
    assert best(values, ids, limit).tolist() == np.argsort(-values, kind="stable")[:limit].tolist()


def test_a_cut_vector_is_made_length_one_again_where_the_stored_ones_were():
    vectors = np.array([[0.6, 0.8, 0.0], [0.1, 0.0, 0.995]], np.float32)
    measure = Measure(unit=True, stored_unit=True, cosine=False)
    _, scores = Matrix(vectors, np.arange(2), measure).nearest(np.array([[1.0]], np.float32), 2)
    np.testing.assert_allclose(scores[0], [1, 1], atol=1e-6)


def test_many_queries_are_answered_in_blocks(monkeypatch):
    random = np.random.default_rng(0)
    vectors = random.integers(-3, 4, (50, 8)).astype(np.float32)
    queries = random.integers(-3, 4, (23, 8)).astype(np.float32)
    whole = Matrix(vectors, np.arange(50), DOT).nearest(queries, 4)
    monkeypatch.setattr("embedworks.vectors.exact.SCORES", 200)  # four queries in a block
    blocks = Matrix(vectors, np.arange(50), DOT).nearest(queries, 4)
    for one, other in zip(whole, blocks, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [1, 2, 4, 5, 30])
def test_products_in_blocks_of_rows_are_the_products(count):
    random = np.random.default_rng(0)
    vectors = random.integers(-3, 4, (1300, 12)).astype(np.float32)  # two whole blocks and a part
    queries = random.integers(-3, 4, (count, 9)).astype(np.float32)
    factors = 2.0 ** random.integers(-2, 3, 1300).astype(np.float32)
    found = products(vectors, queries, factors)
    np.testing.assert_array_equal(found, (queries @ vectors[:, :9].T) * factors)
    assert products(vectors[:0], queries, None).shape == (count, 0)


def test_threads_get_the_answers_that_one_gets():
    random = np.random.default_rng(1)
    vectors = random.normal(size=(3000, 24)).astype(np.float32)
    queries = random.normal(size=(40, 16)).astype(np.float32)
    alone = [Matrix(vectors, np.arange(3000), COSINE).nearest(query[None], 5) for query in queries]
    shared, ready = Matrix(vectors, np.arange(3000), COSINE), threading.Barrier(8)

    def ask(worker):
        ready.wait()
        return [shared.nearest(query[None], 5) for query in queries[worker::8]]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    for worker, own in enumerate(answers):
        for (ids, scores), (right_ids, right_scores) in zip(own, alone[worker::8], strict=True):
            np.testing.assert_array_equal(ids[0], right_ids[0])
            assert scores[0] == pytest.approx(right_scores[0])
