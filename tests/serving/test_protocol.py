import json
import pickle
from typing import Any

import pytest

from embedworks.errors import InputError
from embedworks.serving.protocol import ApiError, of_input, parse_request, unknown_model


def parse(**fields: Any) -> Any:
    return parse_request(json.dumps({"model": "m", "input": "x", **fields}).encode())


def refused(body: bytes) -> dict[str, Any]:
    with pytest.raises((ApiError, InputError)) as caught:
        parse_request(body).inputs()
    refusal = of_input(caught.value) if isinstance(caught.value, InputError) else caught.value
    assert refusal.status == 400
    error: dict[str, Any] = json.loads(refusal.body())["error"]
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


def test_refusals_travel_between_processes() -> None:
    error = ApiError(429, "busy", kind="k", code="c", param="p", retry_after_s=3, headers={"a": "b"})
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.status, twin.error, twin.retry_after_s, twin.headers) == (429, error.error, 3, {"a": "b"})


def test_a_clients_own_words_are_not_repeated_at_length() -> None:
    long = "x" * 100_000
    for body in (f'{{"model": "m", "input": "x", "{long}": 1}}', f'{{"model": "{long}", "input": "x"}}'):
        assert len(refused(body.encode())["message"]) < 500
    assert len(str(unknown_model(long, ["m"]))) < 500


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"model": "m", "input": "x", "dimensions": 0}', "'dimensions' is not valid"),
        (b'{"model": "m", "input": "x", "dtype": "int4"}', "expected one of binary, float32, int8"),
        (b'{"model": "m", "input": [1, "a"]}', "a text, texts, token ids"),
        (b'{"model": "m", "input": [{"text": "a", "w_text": 1e300}]}', "w_text"),
        (b'{"model": "m", "input": NaN}', "not JSON"),
        (b'{"model": "m", "input": "\xff"}', "not JSON"),
    ],
)
def test_faults_say_what_was_expected(body: bytes, words: str) -> None:
    assert words in refused(body)["message"]
