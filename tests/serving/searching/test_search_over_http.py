"""``/v1/search`` and ``/v1/indexes`` with a real index, called as an ASGI application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

from embedworks.serving.asgi import Api
from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.limits import Limits
from embedworks.serving.searching.answers import IndexCard, IndexList, IndexMap, Questions, SearchAnswer
from embedworks.serving.searching.protocol import MOST_HITS_IN_ALL
from helpers.asgi import call
from helpers.indexes import FULL, SMALL, SmallIndex, texts
from helpers.searching import search, search_api
from helpers.steady_search import right_scores

QUERIES = ["sort a list", "a bird sings"]


@pytest.fixture(scope="module")
def api(index: SmallIndex) -> Iterator[Api]:
    api, room = search_api(index)
    yield api
    room.close()


def test_hits_are_those_of_the_models_own_scores(api: Api, index: SmallIndex) -> None:
    status, body, headers = search(api, query=QUERIES, limit=4)
    assert status == 200
    answer = msgspec.convert(body, SearchAnswer, strict=True)
    record, right = index.record, right_scores(index.record, QUERIES)
    assert (answer.index, answer.model, answer.version) == ("docs", record.model, record.id)
    assert headers["x-embedworks-version"] == record.id
    assert ((answer.layers, answer.dimensions), answer.exact) == (FULL, True)
    assert [hits.index for hits in answer.data] == [0, 1]
    for hits, scores in zip(answer.data, right, strict=True):
        best = np.sort(scores)[::-1][:4]
        np.testing.assert_allclose([hit.score for hit in hits.hits], best, atol=1e-5)
        for hit in hits.hits:
            assert hit.row == texts()[hit.id]
            assert hit.score == pytest.approx(float(scores[hit.id]), abs=1e-5)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 4
    assert min(answer.timing.embed_ms, answer.timing.search_ms) > 0


def test_one_query_and_several_find_the_same(api: Api) -> None:
    both = search(api, query=QUERIES)[1]
    assert len(both["data"][0]["hits"]) == 10
    for place, query in enumerate(QUERIES):
        (alone,) = search(api, query=query)[1]["data"]
        assert [hit["id"] for hit in alone["hits"]] == [hit["id"] for hit in both["data"][place]["hits"]]


def test_a_filter_and_columns(api: Api) -> None:
    where = {"topic": ["birds", "sky"], "year": {"gte": 2010, "lt": 2020}}
    body = search(api, query="the moon", limit=1000, filter=where, columns=["year", "topic"])[1]
    rows = [hit["row"] for hit in body["data"][0]["hits"]]
    right = [row for row in texts() if row["topic"] in where["topic"] and 2010 <= row["year"] < 2020]
    assert len(rows) == len(right) > 0
    assert sorted(row["year"] for row in rows) == sorted(row["year"] for row in right)
    assert all(set(row) == {"year", "topic"} for row in rows)
    bare = search(api, query="x", columns=[], limit=1)[1]["data"][0]["hits"][0]
    assert bare["row"] == {}


@pytest.mark.parametrize("asked", [{"layers": 2}, {"dimensions": 16}, {"layers": 2, "dimensions": 16}])
def test_stored_sizes_are_read_as_embeddings_are(api: Api, asked: dict[str, int]) -> None:
    body = search(api, query="sort a list", **asked)[1]
    assert (body["layers"], body["dimensions"]) == SMALL


def test_any_size_is_cut_from_a_stored_one(index: SmallIndex) -> None:
    api, room = search_api(index, sizes="any")
    body = search(api, query="sort a list", layers=4, dimensions=8, limit=61)[1]
    assert (body["layers"], body["dimensions"], body["exact"]) == (4, 8, True)
    whole = search(api, query="sort a list", limit=61)[1]
    scores = [[hit["score"] for hit in one["data"][0]["hits"]] for one in (body, whole)]
    assert scores[0] == sorted(scores[0], reverse=True)
    assert scores[0] != scores[1]
    status, refusal, _ = search(api, query="x", layers=3, dimensions=8)
    assert (status, refusal["error"]["param"]) == (400, "layers")
    assert "(2, 16), (4, 32), or the first dimensions of one of these" in refusal["error"]["message"]
    room.close()


@pytest.mark.parametrize(
    ("fields", "status", "param", "words"),
    [
        ({"index": "dosc"}, 404, "index", "did you mean 'docs'"),
        ({"filter": {"topc": "x"}}, 400, "filter", "did you mean 'topic'"),
        ({"filter": {"year": "x"}}, 400, "filter", "filter.year: 'x' does not fit; expected an integer"),
        ({"filter": {"year": {"gtt": 1}}}, 400, "filter", "did you mean 'gt'"),
        ({"filter": {"year": None}}, 400, "filter", "got `null`"),
        ({"columns": ["titlle"]}, 400, "columns", "did you mean 'title'"),
        ({"layers": 3}, 400, "layers", "layers=3; expected (layers, dimensions) of (2, 16), (4, 32)"),
        ({"dimensions": 8}, 400, "dimensions", "not searched at dimensions=8"),
        ({"dimensions": 99}, 400, "dimensions", "not searched at dimensions=99"),
        ({"limit": 0}, 400, "limit", ">= 1"),
        ({"limit": 1001}, 400, "limit", "<= 1000"),
        ({"query": []}, 400, "query", "empty"),
        ({"query": ["a", ""]}, 400, "query", "empty"),
        ({"query": ["a"] * 101, "limit": 1000}, 400, "limit", f"at most {MOST_HITS_IN_ALL} hits in all"),
        ({"query": "a " * 100}, 413, "query", "query 0 has 107 tokens"),
        ({"quer": "a"}, 400, "quer", "did you mean 'query'"),
        ({"model": "docs"}, 400, "model", "unrecognized request argument"),
    ],
)
def test_refusals_name_the_field_and_what_would_be_right(
    api: Api, fields: dict[str, Any], status: int, param: str, words: str
) -> None:
    got, body, _ = search(api, **{"query": "x", **fields})
    assert (got, body["error"]["param"]) == (status, param)
    assert words in body["error"]["message"]
    assert set(body["error"]) == {"message", "type", "param", "code"}


def test_long_queries_are_cut_where_that_is_asked_for(api: Api) -> None:
    status, body, _ = search(api, query="a " * 100, truncate=True)
    assert (status, body["usage"]["prompt_tokens"]) == (200, 64)


def test_bad_requests_cost_no_forward_pass(index: SmallIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    api, room = search_api(index)
    monkeypatch.setattr(room.version.room, "answer", lambda _: pytest.fail("it was embedded"))
    for fields in ({"columns": ["no"]}, {"filter": {"no": 1}}, {"filter": {"year": "x"}}, {"layers": 3}):
        assert search(api, query="x", **fields)[0] == 400
    room.close()


def test_keys_and_quotas_count_the_tokens_of_queries(index: SmallIndex) -> None:
    token, key = make_key("alice", tokens_per_minute=100)
    api, room = search_api(index, Gate([key]))
    assert search(api, query="x")[0] == 401
    for path in ("/v1/indexes", "/v1/indexes/docs", "/v1/indexes/docs/map", "/v1/indexes/docs/questions"):
        assert call(api, "GET", path)[0] == 401
    bearer = {"authorization": f"Bearer {token}"}
    status, body, headers = search(api, bearer, query="sort a list")
    used = body["usage"]["prompt_tokens"]
    assert status == 200
    assert int(headers["x-ratelimit-remaining-tokens"]) == 100 - used
    status, body, _ = search(api, bearer, query=["sort a list " * 10] * 20)
    assert (status, body["error"]["type"]) == (429, "tokens")
    room.close()


def test_limits_are_those_of_the_endpoint(index: SmallIndex) -> None:
    api, room = search_api(index, Gate(limits=Limits(inputs_per_request=2, characters_per_text=150)))
    status, body, _ = search(api, query=["a"] * 3)
    assert (status, body["error"]["param"]) == (400, "query")
    status, body, _ = search(api, query="a" * 200)
    assert (status, body["error"]["param"]) == (413, "query")
    assert body["error"]["message"].startswith("query 0 has 200 characters")
    assert call(api, "GET", "/v1/search")[0] == 405
    room.close()


def test_indexes_are_described(api: Api, index: SmallIndex) -> None:
    status, body, _ = call(api, "GET", "/v1/indexes")
    (card,) = msgspec.convert(body, IndexList, strict=True).data
    record = index.record
    assert (status, card.id, card.rows, card.version) == (200, "docs", record.rows, record.id)
    assert (card.text, card.group, card.kind, card.recall) == ("text", "topic", "exact", None)
    assert card.sizes == [FULL, SMALL]
    assert card.columns == ["text", "title", "topic", "year", "query"]
    one = call(api, "GET", "/v1/indexes/docs")[1]
    assert msgspec.convert(one, IndexCard) == card
    points = msgspec.convert(call(api, "GET", "/v1/indexes/docs/map")[1], IndexMap)
    assert len(points.id) == len(points.x) == len(points.y) == len(points.group) == card.map == record.rows
    assert points.text[3] == texts()[points.id[3]]["text"][:200]
    assert points.group[3] == texts()[points.id[3]]["topic"]
    asked = msgspec.convert(call(api, "GET", "/v1/indexes/docs/questions")[1], Questions)
    assert len(asked.data) == card.questions == 12
    assert texts()[asked.data[0].relevant[0]]["query"] == asked.data[0].query


@pytest.mark.parametrize("path", ["dosc", "dosc/map", "docs/maps", "docs/map/x", "docs%2Fmap"])
def test_paths_that_are_none(api: Api, path: str) -> None:
    assert call(api, "GET", f"/v1/indexes/{path}")[0] == 404
    assert call(api, "POST", "/v1/indexes/docs")[0] == 405


def test_an_endpoint_without_indexes_says_so() -> None:
    status, body, _ = search(Api({}), query="x")
    assert (status, body["error"]["code"]) == (404, "index_not_found")
    assert "serves none" in body["error"]["message"]
    assert call(Api({}), "GET", "/v1/indexes")[1] == {"object": "list", "data": []}


def test_the_document_has_all_of_it(api: Api) -> None:
    document = call(api, "GET", "/openapi.json")[1]
    paths = {path for path in document["paths"] if "index" in path or "search" in path}
    names = ("", "/{index}", "/{index}/map", "/{index}/questions")
    assert paths == {"/v1/search", *(f"/v1/indexes{name}" for name in names)}
    schemas = document["components"]["schemas"]
    assert {"SearchRequest", "SearchAnswer", "IndexCard", "IndexMap", "Questions"} <= set(schemas)
    assert schemas["SearchRequest"]["properties"]["limit"]["maximum"] == 1000
    body = document["paths"]["/v1/search"]["post"]["requestBody"]["content"]["application/json"]
    assert call(api, "POST", "/v1/search", json.dumps(body["example"]).encode())[0] == 200
