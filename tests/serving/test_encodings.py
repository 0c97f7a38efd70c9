import base64
import json

import numpy as np
import pytest
from sentence_transformers.quantization import quantize_embeddings

from embedworks.serving.encodings import int8_range, quantised, render_answer
from embedworks.task import Answer


def unit_vectors(rows: int, dimensions: int) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(rows, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


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


@pytest.mark.parametrize("dtype", ["int8", "uint8", "binary", "ubinary"])
def test_numbers_are_those_of_sentence_transformers(dtype) -> None:
    vectors = unit_vectors(50, 100)
    reach = int8_range(100)
    assert reach == pytest.approx(0.6)
    ranges = np.array([[-reach] * 100, [reach] * 100], dtype=np.float32)
    expected = quantize_embeddings(vectors, dtype, ranges=ranges)
    got = quantised(vectors, dtype)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


def test_int8_keeps_similarities_and_clips_outliers() -> None:
    vectors = unit_vectors(200, 384)
    small = quantised(vectors, "int8").astype(np.float32) + 0.5
    small /= np.linalg.norm(small, axis=1, keepdims=True)
    assert np.sum(small * vectors, axis=1).min() > 0.999
    axis = np.eye(1, 384, dtype=np.float32)
    assert quantised(np.concatenate([axis, -axis]), "int8")[:, 0].tolist() == [127, -128]


@pytest.mark.parametrize(("dtype", "length"), [("int8", 20), ("uint8", 20), ("binary", 3), ("ubinary", 3)])
def test_small_numbers_come_as_numbers_or_bytes(dtype, length) -> None:
    vectors = unit_vectors(2, 20)
    plain = json.loads(render_answer(Answer(vectors, 1), "m", "float", dtype))
    packed = json.loads(render_answer(Answer(vectors, 1), "m", "base64", dtype))
    kind = np.uint8 if dtype.startswith("u") else np.int8
    for one, other in zip(plain["data"], packed["data"], strict=True):
        assert len(one["embedding"]) == length
        assert np.frombuffer(base64.b64decode(other["embedding"]), kind).tolist() == one["embedding"]
    assert plain["embedworks"]["dtype"] == dtype
    assert ("range" in plain["embedworks"]) == dtype.endswith("int8")
