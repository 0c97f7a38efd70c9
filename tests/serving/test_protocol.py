import base64
import json
import pickle
from typing import Any

import numpy as np
import pytest

from embedworks.serving.protocol import (
    Answer,
    ApiError,
    parse_request,
    render_answer,
    unknown_model,
)


def parse(**fields: Any) -> Any:
    return parse_request(json.dumps({"model": "m", "input": "x", **fields}).encode())


def refused(body: bytes) -> dict[str, Any]:
    with pytest.raises(ApiError) as caught:
        parse_request(body).inputs()
    assert caught.value.status == 400
    error: dict[str, Any] = json.loads(caught.value.body())["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1], [2, 3]], [[1], [2, 3]]),
    ],
)
def test_all_four_kinds_of_input(given: Any, inputs: Any) -> None:
    assert parse(input=given).inputs() == inputs


@pytest.mark.parametrize("given", ["", [], ["a", ""], [[]], [[1], []]])
def test_empty_inputs_are_refused(given: Any) -> None:
    error = refused(json.dumps({"model": "m", "input": given}).encode())
    assert error["param"] == "input"
    assert "empty" in error["message"]


@pytest.mark.parametrize("given", [None, 3, [1, "a"], {"a": 1}, [True], [1.5], [["a"]]])
def test_other_inputs_are_refused(given: Any) -> None:
    error = refused(json.dumps({"model": "m", "input": given}).encode())
    assert error["param"] == "input"


def test_2048_inputs_are_the_limit() -> None:
    assert len(parse(input=["a"] * 2048).inputs()) == 2048
    error = refused(json.dumps({"model": "m", "input": ["a"] * 2049}).encode())
    assert "2049 inputs" in error["message"]
    assert "2048" in error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_bodies_that_are_no_object_are_refused(body: bytes) -> None:
    assert refused(body)["type"] == "invalid_request_error"


def test_faults_name_their_field() -> None:
    assert refused(b'{"input": "x"}')["param"] == "model"
    assert refused(b'{"model": "m"}')["param"] == "input"
    error = refused(b'{"model": "m", "input": "x", "dimension": 3}')
    assert error["param"] == "dimension"
    assert "did you mean 'dimensions'" in error["message"]
    assert refused(b'{"model": "m", "input": "x", "dimensions": "3"}')["param"] == "dimensions"
    assert "base64" in refused(b'{"model": "m", "input": "x", "encoding_format": "hex"}')["message"]


def test_unknown_model_is_404_with_the_nearest_name() -> None:
    error = unknown_model("minilm-l6", ["minilm", "docs"])
    assert (error.status, error.error["code"]) == (404, "model_not_found")
    assert "did you mean 'minilm'" in str(error)
    assert "serves minilm, docs" in str(unknown_model("zzz", ["minilm", "docs"]))


def test_answers_have_openais_shape() -> None:
    vectors = np.array([[0.1, -2.0], [3.0, 0.25]], dtype=np.float32)
    body = json.loads(render_answer(Answer(vectors, 7), "m", "float"))
    assert body == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.1, -2.0]},
            {"object": "embedding", "index": 1, "embedding": [3.0, 0.25]},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }


def test_base64_is_little_endian_float32() -> None:
    vectors = np.array([[0.1, -2.0]], dtype=np.float32)
    flag: dict[str, int | bool] = {"layers": 2, "dimensions": 2, "trained": False}
    body = json.loads(render_answer(Answer(vectors, 1, flag), "m", "base64"))
    raw = base64.b64decode(body["data"][0]["embedding"])
    assert np.frombuffer(raw, "<f4").tolist() == vectors[0].tolist()
    assert body["embedworks"] == flag


def test_refusals_travel_between_processes() -> None:
    error = ApiError(429, "busy", kind="rate_limit_error", code="c", param="p", retry_after_s=3)
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.status, twin.error, twin.retry_after_s) == (429, error.error, 3)
