"""Tasks that ask an index in place of a model: what they ask, what becomes of hits and refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from embedworks.errors import InputError
from embedworks.serving.asgi import Api
from embedworks.serving.gate import Gate
from embedworks.serving.tasks import builtin_tasks
from embedworks.task import SearchTask
from helpers.asgi import call
from helpers.indexes import SmallIndex
from helpers.searching import search, search_api


class TitleRequest(msgspec.Struct, forbid_unknown_fields=True):
    index: str
    words: str
    most: int = 3


class Titles(msgspec.Struct):
    titles: list[str]
    tokens: int


def ask(request: TitleRequest) -> dict[str, Any]:
    if request.most > 50:
        raise InputError("too many titles", where="most")
    return {"index": request.index, "query": request.words, "limit": request.most, "columns": ["title"]}


def answer(request: TitleRequest, found: dict[str, Any]) -> Titles:
    (hits,) = found["data"]
    titles = [hit["row"]["title"] for hit in hits["hits"]]
    assert len(titles) == request.most
    return Titles(titles, found["usage"]["total_tokens"])


TASK = SearchTask("titles", TitleRequest, Titles, ask, answer, query="words", summary="Titles by words")


@pytest.fixture(scope="module")
def api(index: SmallIndex) -> Iterator[Api]:
    api, room = search_api(index)
    api.configure(Gate(), builtin_tasks() | {TASK.name: TASK})
    yield api
    room.close()


def titles(api: Api, **fields: Any) -> tuple[int, Any, dict[str, str]]:
    return call(api, "POST", "/v1/titles", json.dumps({"index": "docs", **fields}).encode())


def test_the_answer_is_made_of_the_hits_of_the_search(api: Api, index: SmallIndex) -> None:
    status, body, headers = titles(api, words="the old owl", most=4)
    right = search(api, query="the old owl", limit=4)[1]
    assert status == 200
    assert body["titles"] == [hit["row"]["title"] for hit in right["data"][0]["hits"]]
    assert body["tokens"] == right["usage"]["total_tokens"]
    assert headers["x-embedworks-version"] == index.record.id


@pytest.mark.parametrize(
    ("fields", "status", "param", "words"),
    [
        ({"words": "owl", "most": 51}, 400, "most", "too many titles"),
        ({"words": ""}, 400, "words", "query is empty"),
        ({"words": "owl " * 80}, 413, "words", "words"),
        ({"words": "owl", "index": "dogs"}, 404, "index", "did you mean 'docs'"),
        ({"words": "owl", "mst": 2}, 400, "mst", "did you mean 'most'"),
        ({"words": 3}, 400, "words", "words"),
    ],
)
def test_refusals_name_the_field_of_the_request(
    api: Api, fields: dict[str, Any], status: int, param: str, words: str
) -> None:
    found, body, _ = titles(api, **fields)
    assert found == status, body
    assert body["error"]["param"] == param
    assert words in body["error"]["message"]


def test_the_document_has_it(api: Api) -> None:
    document = call(api, "GET", "/openapi.json")[1]
    operation = document["paths"]["/v1/titles"]["post"]
    assert operation["summary"] == "Titles by words"
    schema = {"$ref": "#/components/schemas/Titles", "components": document["components"]}
    Draft202012Validator(schema).validate({"titles": ["a"], "tokens": 1})
    assert not Draft202012Validator(schema).is_valid({"titles": "a", "tokens": 1})


def test_a_name_is_lower_case_with_hyphens() -> None:
    with pytest.raises(InputError, match="cannot be called 'Ti tles'"):
        SearchTask("Ti tles", TitleRequest, Titles, ask, answer)
