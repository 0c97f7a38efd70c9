"""Whatever is sent, the answer is right or a refusal in OpenAI's shape: never a 5xx, never a hang."""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from embedworks.serving.asgi import Api
from embedworks.serving.config import Served
from embedworks.serving.deployments import LocalRoom
from embedworks.serving.searching.deployment import LocalIndex
from embedworks.serving.searching.protocol import SearchRequest
from embedworks.serving.tasks import builtin_tasks
from helpers.asgi import acall, call, post, tiny_api
from helpers.indexes import small_index
from helpers.pictures import tiny_dual
from helpers.searching import index_room
from helpers.tiny import tiny_model

EXAMPLES = 60  # of each property; seconds for all
TASKS = ("embeddings", "rerank", "classify", "similarity", "search")
HOLDS = [
    not_a_server_error,
    checks.response_schema_conformance,
    checks.status_code_conformance,
    checks.content_type_conformance,
]
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


PLACE = tempfile.TemporaryDirectory()  # gone when the process ends


def _serve() -> Api:
    """A model of texts and images, so that both ways through a room are taken, and an index."""
    folder = Path(PLACE.name) / "tiny"
    tiny_dual(folder)
    served = Served(name="tiny", source="x", folder=folder, created=5, precision="fp32", sizes="any")
    room = index_room(small_index(Path(PLACE.name)), sizes="any")
    return Api({"tiny": LocalRoom(served)}, indexes={"docs": LocalIndex(room)})


API = _serve()
schema = schemathesis.openapi.from_dict(call(API, "GET", "/openapi.json")[1])


def sent(path: str, body: bytes) -> Any:
    """The answer to a body, checked for its shape; a hang fails."""

    async def run() -> Any:
        return await asyncio.wait_for(acall(API, "POST", path, body), 60)

    status, answer, _ = asyncio.run(run())
    if status == 200:
        assert _finite(answer), answer
    else:
        assert 400 <= status < 500, (status, answer)
        assert set(answer) == {"error"}
        assert set(answer["error"]) == {"message", "type", "param", "code"}
        assert answer["error"]["message"]
        assert len(answer["error"]["message"]) < 2000
    return status, answer


def _finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return value is not None and (not isinstance(value, float) or math.isfinite(value))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
surrogates = st.text(st.characters(categories=["Cs", "Cc", "Cn", "Mn", "So"]), max_size=20)
odd = st.one_of(
    anything,
    surrogates,
    st.lists(surrogates, max_size=3),
    st.sampled_from(
        [10**30, -(10**30), 2**63, -1, 0, 1e308, "", " ", "\0", "\ud800", "é" * 50, "x" * 3000]
    ),
    st.lists(st.integers(-5, 150), max_size=70),
    st.lists(st.lists(st.integers(0, 117), max_size=5), max_size=3),
    st.fixed_dictionaries({}, optional={"text": anything, "image": anything, "w_text": st.floats()}),
)
REQUESTS = [*(task.request for task in builtin_tasks().values()), SearchRequest]
FIELDS = sorted({field for request in REQUESTS for field in request.__struct_fields__})
PLAIN: dict[str, dict[str, Any]] = {
    "embeddings": {"input": ["a"]},
    "rerank": {"query": "a", "documents": ["b"]},
    "classify": {"input": "a", "labels": ["b"]},
    "similarity": {"left": ["a"], "right": ["b"]},
    "search": {"index": "docs", "query": "a"},
}


def plain(task: str) -> dict[str, Any]:
    """A request that is answered."""
    return PLAIN[task] if task == "search" else {"model": "tiny", **PLAIN[task]}


@QUICK
@given(task=st.sampled_from(TASKS), fields=st.dictionaries(st.sampled_from(FIELDS), odd, max_size=3))
def test_fields_of_any_kind(task: str, fields: dict[str, Any]) -> None:
    whole = {**plain(task), **fields}
    sent(f"/v1/{task}", json.dumps(whole).encode())  # NaN and lone surrogates go out as Python spells them


@QUICK
@given(task=st.sampled_from(TASKS), body=st.binary(max_size=200))
def test_bodies_of_any_bytes(task: str, body: bytes) -> None:
    assert sent(f"/v1/{task}", body)[0] == 400


@QUICK
@given(task=st.sampled_from(TASKS), at=st.integers(0, 60), bad=st.binary(min_size=1, max_size=3))
def test_bodies_that_are_broken_somewhere(task: str, at: int, bad: bytes) -> None:
    body = json.dumps(plain(task)).encode()
    sent(f"/v1/{task}", body[:at] + bad + body[at:])
    sent(f"/v1/{task}", body[:at])


@pytest.mark.parametrize("text", ["a" * 10**6, " " * 10**6, "\u0301" * 10**6, "汉" * 10**6])
def test_a_million_characters(text: str) -> None:
    for task, field in (
        ("embeddings", "input"),
        ("embeddings", "instruction"),
        ("rerank", "query"),
        ("classify", "template"),
        ("similarity", "left"),
        ("search", "query"),
    ):
        body = {**plain(task), field: text, "truncate": True}
        assert sent(f"/v1/{task}", json.dumps(body).encode())[0] in (400, 413)


@pytest.mark.parametrize("text", ["a " * 50_000, "data:image/png;base64," + "A" * 10**6])
def test_long_texts_that_the_door_lets_in(text: str) -> None:
    api, _ = tiny_api(tiny_model())
    status, body, _ = post(api, "embeddings", input=text)
    assert (status, body["error"]["param"]) == (413, "input")
    status, _, _ = post(api, "embeddings", input=text, truncate=True)
    assert status == (200 if len(text) <= 10**6 else 413)


@pytest.mark.parametrize("opening", [b"[", b'{"text":', b'{"a":[', b'["x",'])
@pytest.mark.parametrize("task", TASKS)
def test_deep_nesting(task: str, opening: bytes) -> None:
    field = next(iter(PLAIN[task])).encode()
    for inside in (field, b"unknown", b"model", b"filter"):
        deep = b'{"model":"tiny","%s":%s' % (inside, opening * 100_000)
        assert sent(f"/v1/{task}", deep)[0] == 400
    assert sent(f"/v1/{task}", opening * 100_000)[0] == 400


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/models/\ud800",
        "/v1/models/" + "x" * 10**6,
        "/v1/indexes/\ud800",
        "/v1/indexes/docs/" + "x" * 10**6,
        "/playground/\ud800",
        "/v1//x",
        "*",
    ],
)
def test_paths_of_any_kind(path: str) -> None:
    for method in ("GET", "POST", "PUT", "OPTIONS", "BREW"):
        status, answer, _ = call(API, method, path)
        assert status in (404, 405)
        assert len(answer["error"]["message"]) < 2000


COMPARISONS = ["gt", "gte", "lt", "lte", "ne", "nee"]
filters = st.dictionaries(
    st.sampled_from(["topic", "year", "text", "id", "tp'ic", "`", "a; DROP"]),
    st.one_of(
        anything,
        st.integers(),
        st.floats(allow_nan=False),
        st.sampled_from(["birds", "'", "' OR 1=1 --", "\\", "\0", ""]),
        st.lists(st.sampled_from(["birds", "sky", "x'"]) | st.integers(), max_size=4),
        st.dictionaries(
            st.sampled_from(["gt", "gte", "lt", "lte", "ne", "nee"]), st.integers() | st.text()
        ),
    ),
    max_size=3,
)


@QUICK
@given(where=filters, limit=st.integers(0, 100), exact=st.none() | st.booleans())
def test_filters_of_any_kind(where: dict[str, Any], limit: int, exact: bool | None) -> None:
    body = {**plain("search"), "filter": where, "limit": limit, "exact": exact}
    status, answer = sent("/v1/search", json.dumps(body).encode())
    if status == 200:
        assert len(answer["data"][0]["hits"]) <= limit


@schema.parametrize()
@settings(QUICK, max_examples=25)
def test_the_document_holds(case: Any) -> None:
    if "\0" in str(case.path_parameters):
        return
    answer = case.call(app=API)
    case.validate_response(answer, checks=HOLDS)
