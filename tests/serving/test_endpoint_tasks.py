"""Rerank, classify, similarity and tasks of systems, against the embedder itself."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.serving.asgi import Api
from embedworks.serving.tasks import find_tasks
from helpers.asgi import call, post, tiny_api
from helpers.tiny import tiny_model

PAIRS = ((2, 16), (4, 32))
DOCUMENTS = ["a bird and a fish", "the cat", "the old dog sings", "a red stone"]

OWN_TASKS = '''
"""Tasks as a system has them: one of msgspec structs, one of pydantic models."""
import msgspec
from pydantic import BaseModel, ConfigDict, Field

from embedworks.errors import InputError
from embedworks.task import EmbeddingRequest, Task


class NormRequest(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    texts: list[str]


class Norms(msgspec.Struct):
    norms: list[float]


class FarthestRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    model: str
    texts: list[str] = Field(min_length=2)


class Farthest(BaseModel):
    index: int


def farthest(request, answers):
    return Farthest(index=int(answers[0].scores(answers[0])[0].argmin()))


def norms(request, answers):
    return Norms([float(one @ one) for one in answers[0].vectors])


def ask(request):
    if "" in request.texts:
        raise InputError("a text is empty", where="texts")
    return [EmbeddingRequest(model=request.model, input=request.texts)]


TASKS = (
    Task("norm", NormRequest, Norms, ask, norms),
    Task("farthest", FarthestRequest, Farthest, ask, farthest),
)
'''


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return tiny_model(pairs=PAIRS, prompts={"query": "find the ", "passage": "read "})


@pytest.fixture(scope="module")
def api(embedder: Embedder) -> Api:
    return tiny_api(embedder)[0]


def similarities(embedder: Embedder, left: list[str], right: list[str], **options: Any) -> np.ndarray:
    return (embedder.encode(left, **options) @ embedder.encode(right, **options).T).numpy()


def test_rerank_sorts_by_the_similarity_of_prompted_texts(api: Api, embedder: Embedder) -> None:
    status, body, _ = post(api, "rerank", query="a cat", documents=DOCUMENTS)
    query = embedder.encode(["a cat"], prompt="find the ").numpy()
    expected = (query @ embedder.encode(DOCUMENTS, prompt="read ").numpy().T)[0]
    assert status == 200
    got = [(one["index"], one["relevance_score"]) for one in body["results"]]
    assert [index for index, _ in got] == np.argsort(-expected).tolist()
    np.testing.assert_allclose([score for _, score in got], np.sort(expected)[::-1], atol=1e-5)
    assert "document" not in body["results"][0]
    assert body["usage"]["prompt_tokens"] > 4 * len(DOCUMENTS)


def test_rerank_keeps_the_best_with_their_documents(api: Api) -> None:
    whole = post(api, "rerank", query="a cat", documents=DOCUMENTS)[1]["results"]
    given = [*DOCUMENTS[:2], *({"text": text} for text in DOCUMENTS[2:])]
    _, body, _ = post(api, "rerank", query="a cat", documents=given, top_n=2, return_documents=True)
    assert [one["index"] for one in body["results"]] == [one["index"] for one in whole[:2]]
    for one in body["results"]:
        assert one["document"]["text"] == DOCUMENTS[one["index"]]


def test_classify_takes_the_most_similar_label(api: Api, embedder: Embedder) -> None:
    labels, template = ["a bird", "a stone"], "about {} and"
    status, body, _ = post(
        api, "classify", input=DOCUMENTS, labels=labels, template=template, temperature=0.5
    )
    assert status == 200
    expected = similarities(embedder, DOCUMENTS, [template.replace("{}", label) for label in labels])
    for row, one in zip(expected, body["data"], strict=True):
        best = labels[int(row.argmax())]
        assert one["prediction"] == one["predictions"][0]["label"] == best
        found = {each["label"]: (each["similarity"], each["score"]) for each in one["predictions"]}
        np.testing.assert_allclose([found[label][0] for label in labels], row, atol=1e-5)
        odds = np.exp(row / 0.5)
        np.testing.assert_allclose([found[label][1] for label in labels], odds / odds.sum(), atol=1e-4)


def test_similarity_is_a_matrix_or_pairs(api: Api, embedder: Embedder) -> None:
    left, right = DOCUMENTS[:2], DOCUMENTS[2:]
    status, body, _ = post(api, "similarity", left=left, right=right, dimensions=16)
    expected = similarities(embedder, left, right, layers=2, dimensions=16)
    assert (status, body["similarity"]) == (200, "cosine")
    np.testing.assert_allclose(body["scores"], expected, atol=1e-5)
    pairs = post(api, "similarity", left=left, right=right, dimensions=16, pairwise=True)[1]["scores"]
    np.testing.assert_allclose(pairs, expected.diagonal(), atol=1e-5)
    own = np.array(post(api, "similarity", left=DOCUMENTS)[1]["scores"])
    np.testing.assert_allclose(own.diagonal(), 1, atol=1e-5)


def test_a_model_of_dot_products_is_compared_by_them() -> None:
    embedder = tiny_model(normalize=False, similarity="dot")
    api, _ = tiny_api(embedder)
    _, body, _ = post(api, "similarity", left=DOCUMENTS[:2], right=DOCUMENTS[2:])
    assert body["similarity"] == "dot"
    np.testing.assert_allclose(
        body["scores"], similarities(embedder, DOCUMENTS[:2], DOCUMENTS[2:]), rtol=1e-4, atol=1e-4
    )
    status, body, _ = post(api, "embeddings", input="x", dtype="int8")
    assert (status, body["error"]["param"]) == (400, "dtype")
    assert post(api, "embeddings", input="x", dtype="ubinary")[0] == 200


@pytest.mark.parametrize(
    ("task", "fields", "param"),
    [
        ("rerank", {"query": "x"}, "documents"),
        ("rerank", {"query": "x", "documents": []}, "documents"),
        ("rerank", {"query": "x", "documents": ["a"], "top_n": 0}, "top_n"),
        ("rerank", {"query": "x", "documents": ["a"], "dimensions": 7}, "dimensions"),
        ("rerank", {"query": "", "documents": ["a"]}, "query"),
        ("classify", {"input": "x", "labels": ["a"], "template": "none"}, "template"),
        ("classify", {"input": "x", "labels": ["a"], "template": "{} {}"}, "template"),
        ("classify", {"input": ["x"] * 400, "labels": ["a"] * 400}, "labels"),
        ("classify", {"input": "x", "labels": ["a"], "temperature": 0}, "temperature"),
        ("similarity", {"left": ["a"], "right": ["a", "b"], "pairwise": True}, "right"),
        ("similarity", {"left": ["a"], "right_": ["a"]}, "right_"),
    ],
)
def test_faults_name_their_field(api: Api, task: str, fields: dict[str, Any], param: str) -> None:
    status, body, _ = post(api, task, **fields)
    assert (status, body["error"]["param"]) == (400, param)


def test_a_fault_in_one_of_two_questions_is_the_answer(api: Api) -> None:
    status, body, _ = post(api, "rerank", query="x", documents=["tree " * 100])
    assert (status, body["error"]["code"]) == (413, "context_length_exceeded")
    assert post(api, "rerank", query="x", documents=["tree " * 100], truncate=True)[0] == 200


def test_the_limit_of_inputs_holds_for_all_of_a_request(api: Api) -> None:
    status, body, _ = post(api, "rerank", query="x", documents=["a"] * 2048)
    assert status == 400
    assert "2049 inputs" in body["error"]["message"]


@pytest.fixture
def own(tmp_path, monkeypatch) -> str:
    (tmp_path / "own_tasks.py").write_text(OWN_TASKS)
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_tasks"
    sys.modules.pop("own_tasks", None)


def test_a_system_adds_tasks_of_its_own(own: str, embedder: Embedder, tmp_path, monkeypatch) -> None:
    family = tmp_path / "embedworks" / "systems" / "toy_family"
    family.mkdir(parents=True)
    (family / "normed.py").write_text("from own_tasks import TASKS")
    monkeypatch.setenv("EMBEDWORKS_PATH", str(tmp_path))
    api, _ = tiny_api(embedder, tasks=find_tasks(["normed"]))
    status, body, _ = post(api, "tasks/norm", texts=["the cat", "a dog"])
    assert status == 200
    np.testing.assert_allclose(body["norms"], [1, 1], atol=1e-5)
    texts = ["the cat", "the cat", "a red stone river"]
    assert post(api, "tasks/farthest", texts=texts)[1] == {"index": 2}
    status, body, _ = post(api, "tasks/farthest", texts=["one"])
    assert (status, body["error"]["param"]) == (400, "texts")
    status, body, _ = post(api, "tasks/farthest", texts=["a", ""])
    assert (status, body["error"]["message"], body["error"]["param"]) == (400, "a text is empty", "texts")
    status, body, _ = post(api, "tasks/farthest", text=["a", "b"])
    assert (status, body["error"]["param"]) == (400, "texts")
    document = call(api, "GET", "/openapi.json")[1]
    assert {"/v1/tasks/norm", "/v1/tasks/farthest", "/v1/embeddings"} <= set(document["paths"])
    assert {"NormRequest", "FarthestRequest"} <= set(document["components"]["schemas"])


def test_tasks_that_cannot_be_had_are_refused(own: str) -> None:
    for sources, words in (
        (["nothing"], "unknown system"),
        (["no.such_module"], "cannot import"),
        (["json.decoder"], "has no tasks"),
    ):
        with pytest.raises(InputError, match=words):
            find_tasks(sources)
    with pytest.raises(InputError, match="cannot be called"):
        find_tasks()["rerank"].__class__("Bad/Name", dict, dict, len, len)


def test_every_answer_is_as_the_document_says(api: Api) -> None:
    document = call(api, "GET", "/openapi.json")[1]
    requests = {
        "embeddings": {"input": ["a", "b"], "dimensions": 16, "dtype": "int8"},
        "rerank": {"query": "a", "documents": DOCUMENTS, "return_documents": True},
        "classify": {"input": "a", "labels": ["b", "c"]},
        "similarity": {"left": ["a"], "right": ["b"]},
    }
    posted = {p for p in document["paths"] if "post" in document["paths"][p]}
    assert {f"/v1/{name}" for name in requests} == posted - {"/v1/search"}  # which asks an index
    for name, fields in requests.items():
        for sent, code in ((fields, "200"), ({}, "400")):
            status, body, _ = post(api, name, **sent)
            content = document["paths"][f"/v1/{name}"]["post"]["responses"][code]["content"]
            assert status == int(code)
            _validate(document, content["application/json"]["schema"], body)
        request = document["paths"][f"/v1/{name}"]["post"]["requestBody"]["content"]["application/json"]
        _validate(document, request["schema"], {"model": "tiny", **fields})
        _validate(document, request["schema"], request["example"])
    listed = document["paths"]["/v1/models"]["get"]["responses"]["200"]["content"]["application/json"]
    _validate(document, listed["schema"], call(api, "GET", "/v1/models")[1])


def _validate(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    Draft202012Validator({**json.loads(json.dumps(document)), **schema}).validate(value)
