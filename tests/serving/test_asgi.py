"""The HTTP side with real rooms, called as an ASGI application: no Ray, no socket."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedworks.embedder import Embedder
from embedworks.serving.asgi import Api
from embedworks.serving.config import Served
from embedworks.serving.gate import Gate
from embedworks.serving.limits import Limits
from embedworks.serving.protocol import Answer, EmbeddingRequest
from embedworks.serving.room import Room
from helpers.asgi import post, tiny_api
from helpers.tiny import tiny_embedder, tiny_model

PRIVATE = "sec" + "ret"  # a traceback may quote this line
PAIRS = ((1, 8), (2, 16), (4, 32))


class InProcess:
    def __init__(self, room: Room) -> None:
        self.room = room

    async def answer(self, request: EmbeddingRequest) -> Answer:
        return await self.room.answer(request)

    async def describe(self) -> dict[str, Any]:
        self.room.check()
        return self.room.description


class Broken:
    async def answer(self, request: EmbeddingRequest) -> Answer:
        raise RuntimeError(PRIVATE)

    async def describe(self) -> dict[str, Any]:
        raise RuntimeError("its thread has ended")


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return tiny_model(pairs=PAIRS, prompts={"query": "find the "})


@pytest.fixture(scope="module")
def room(embedder: Embedder) -> Room:
    served = Served(name="tiny", source="x", folder=Path("x"), created=5, precision="fp32")
    return Room(embedder, served)


@pytest.fixture(scope="module")
def api(room: Room) -> Api:
    return Api({"tiny": InProcess(room)})


def call(api: Api, method: str, path: str, body: bytes = b"") -> tuple[int, Any, dict[str, str]]:
    sent: list[dict[str, Any]] = []
    chunks = [body[: len(body) // 2], body[len(body) // 2 :]]

    async def receive() -> dict[str, Any]:
        if not chunks:
            return await asyncio.Future()
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(api({"type": "http", "method": method, "path": path}, receive, send))
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    assert int(headers["content-length"]) == len(sent[1]["body"])
    return sent[0]["status"], json.loads(sent[1]["body"]), headers


def embed(api: Api, **fields: Any) -> tuple[int, Any, dict[str, str]]:
    body = json.dumps({"model": "tiny", "input": "the cat", **fields}).encode()
    return call(api, "POST", "/v1/embeddings", body)


def test_embeddings_are_those_of_the_embedder(api: Api, embedder: Embedder) -> None:
    texts = ["the cat", "a bird and a fish", "stone " * 30]
    status, body, _ = embed(api, input=texts)
    assert status == 200
    assert body["usage"] == {"prompt_tokens": 4 + 9 + 32, "total_tokens": 45}
    assert "embedworks" not in body
    got = np.array([each["embedding"] for each in body["data"]])
    np.testing.assert_allclose(got, embedder.encode(texts).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("asked", "flag"),
    [
        ({"dimensions": 16}, {"layers": 2, "dimensions": 16, "trained": True}),
        ({"layers": 2}, {"layers": 2, "dimensions": 16, "trained": True}),
        ({"layers": 1, "dimensions": 8}, {"layers": 1, "dimensions": 8, "trained": True}),
    ],
)
def test_sizes_are_read_and_flagged(
    api: Api, embedder: Embedder, asked: dict[str, int], flag: dict[str, Any]
) -> None:
    _, body, _ = embed(api, **asked)
    assert body["embedworks"] == flag
    expected = embedder.encode(["the cat"], layers=flag["layers"], dimensions=flag["dimensions"])
    np.testing.assert_allclose(body["data"][0]["embedding"], expected[0].numpy(), atol=1e-5)


def test_sizes_that_were_not_trained_are_answered_where_the_configuration_says_so(
    embedder: Embedder,
) -> None:
    api, _ = tiny_api(embedder, sizes="any")
    for asked, flag in (
        ({"dimensions": 5}, {"layers": 1, "dimensions": 5, "trained": False}),
        ({"layers": 3}, {"layers": 3, "dimensions": 32, "trained": False}),
    ):
        _, body, _ = embed(api, **asked)
        assert body["embedworks"] == flag
        expected = embedder.encode(["the cat"], layers=flag["layers"], dimensions=flag["dimensions"])
        np.testing.assert_allclose(body["data"][0]["embedding"], expected[0].numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("asked", "param", "known"),
    [
        ({"dimensions": 5}, "dimensions", "8, 16, 32"),
        ({"layers": 3}, "layers", "1, 2, 4"),
        ({"layers": 1, "dimensions": 16}, "layers", "(1, 8), (2, 16), (4, 32)"),
    ],
)
def test_sizes_that_were_not_trained_are_refused(
    api: Api, asked: dict[str, int], param: str, known: str
) -> None:
    status, body, _ = embed(api, **asked)
    assert (status, body["error"]["param"], body["error"]["code"]) == (400, param, "untrained_size")
    assert known in body["error"]["message"]


def test_prompts_and_token_ids(api: Api, embedder: Embedder) -> None:
    prompted = embed(api, prompt_name="query")[1]["data"][0]["embedding"]
    expected = embedder.encode(["the cat"], prompt="find the ")[0].numpy()
    np.testing.assert_allclose(prompted, expected, atol=1e-5)
    ids = embedder.tokenize(["the cat"])["input_ids"][0].tolist()
    assert embed(api, input=ids)[1]["data"] == embed(api)[1]["data"]
    assert embed(api, input=[ids, ids])[1]["usage"]["prompt_tokens"] == 8
    assert embed(api, instruction="find the ")[1]["data"][0]["embedding"] == prompted
    assert embed(api, input_type="query")[1]["data"][0]["embedding"] == prompted
    assert embed(api, input_type="document")[1]["data"] == embed(api)[1]["data"]


@pytest.mark.parametrize(
    ("asked", "param", "words"),
    [
        ({"input": [100_000]}, "input", "token ids"),
        ({"input": [-1]}, "input", "token ids"),
        ({"dimensions": 33}, "dimensions", "1 to 32"),
        ({"dimensions": 0}, "dimensions", ">= 1"),
        ({"input": ["a"] * 2049}, "input", "2049 inputs in one request; expected at most 2048"),
        ({"prompt_name": "query", "instruction": "x"}, "instruction", "only one of"),
        ({"instruction": "x", "input": [1]}, "instruction", "token ids"),
        ({"layers": 5}, "layers", "1 to 4"),
        ({"prompt_name": "qury"}, "prompt_name", "did you mean 'query'"),
        ({"prompt_name": "query", "input": [1]}, "prompt_name", "token ids"),
    ],
)
def test_what_is_impossible_is_400(api: Api, asked: dict[str, Any], param: str, words: str) -> None:
    status, body, _ = embed(api, **asked)
    assert (status, body["error"]["param"]) == (400, param)
    assert words in body["error"]["message"]


@pytest.mark.parametrize("given", [["cat", "tree " * 63], [[5], [6] * 65]])
def test_what_is_too_long_is_413_or_cut_as_asked(api: Api, embedder: Embedder, given: Any) -> None:
    status, body, _ = embed(api, input=given)
    assert (status, body["error"]["code"]) == (413, "context_length_exceeded")
    assert "input 1 has 65 tokens" in body["error"]["message"]
    status, body, _ = embed(api, input=given, truncate=True)
    assert (status, body["usage"]["prompt_tokens"]) == (200, 64 + (3 if given[0] == "cat" else 1))
    if given[0] == "cat":
        expected = embedder.encode(given).numpy()
        np.testing.assert_allclose([row["embedding"] for row in body["data"]], expected, atol=1e-5)
    cutting, _ = tiny_api(embedder, truncate=True)
    assert embed(cutting, input=given)[1]["data"] == body["data"]
    assert embed(cutting, input=given, truncate=False)[0] == 413


def test_the_longest_input_fits(api: Api) -> None:
    assert embed(api, input="tree " * 62)[1]["usage"]["prompt_tokens"] == 64


def test_models_and_health(api: Api) -> None:
    listed = call(api, "GET", "/v1/models")[1]
    assert listed["object"] == "list"
    (model,) = listed["data"]
    assert (model["id"], model["object"], model["created"]) == ("tiny", "model", 5)
    assert model["embedworks"]["pairs"] == [list(pair) for pair in PAIRS]
    assert call(api, "GET", "/v1/models/tiny")[1] == model
    assert call(api, "GET", "/healthz")[:2] == (200, {"status": "ok", "models": ["tiny"]})


def test_wrong_paths_methods_and_models(api: Api) -> None:
    status, _, headers = call(api, "GET", "/v1/embeddings")
    assert (status, headers["allow"]) == (405, "POST")
    assert call(api, "DELETE", "/v1/models/tiny")[0] == 405
    assert call(api, "POST", "/nothing")[0] == 404
    assert call(api, "GET", "/v1/models/tin")[0] == 404
    status, body, _ = embed(api, model="tinny")
    assert (status, body["error"]["code"]) == (404, "model_not_found")
    assert "did you mean 'tiny'" in body["error"]["message"]


def test_a_huge_body_is_refused(embedder: Embedder) -> None:
    api, _ = tiny_api(embedder, Gate(limits=Limits(body_bytes=100, characters_per_text=20)))
    assert embed(api, input="x" * 20)[0] == 200
    assert embed(api, input="x" * 21)[1]["error"]["code"] == "string_above_max_length"
    status, body, _ = embed(api, input=["x" * 20] * 10)
    assert (status, body["error"]["code"]) == (413, "request_too_large")
    assert post_one(api, {"content-length": "101"})[0] == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json"}, 200),
        ({"content-type": "Application/JSON; charset=utf-8"}, 200),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "application/json", "content-encoding": "gzip"}, 415),
    ],
)
def test_other_kinds_of_body_are_refused(api: Api, headers: dict[str, str], status: int) -> None:
    assert post_one(api, headers)[0] == status


def post_one(api: Api, headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
    return post(api, "embeddings", headers, input="x")


def test_a_failure_is_logged_without_what_a_client_sent(caplog: pytest.LogCaptureFixture) -> None:
    assert embed(Api({"tiny": Broken()}))[0] == 500
    assert "RuntimeError" in caplog.text
    assert "in answer" in caplog.text
    assert "secret" not in caplog.text


def test_a_room_that_fails_is_a_500_without_its_reason_and_unhealthy() -> None:
    api = Api({"tiny": Broken()})
    status, body, _ = embed(api)
    assert (status, body["error"]["type"]) == (500, "server_error")
    assert "secret" not in body["error"]["message"]
    status, body, _ = call(api, "GET", "/healthz")
    assert status == 503
    assert "its thread has ended" in body["error"]["message"]


def test_a_full_queue_is_429_with_retry_after(
    api: Api, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.batcher, "_waiting", 4096)
    status, body, headers = embed(api)
    assert (status, body["error"]["type"]) == (429, "rate_limit_error")
    assert int(headers["retry-after"]) >= 1


def test_a_room_opens_a_folder(tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "tiny")
    room = Room.open(Served(name="t", source=str(folder), folder=folder, created=0))
    answer = asyncio.run(room.answer(EmbeddingRequest(model="t", input="the cat")))
    assert answer.vectors.shape == (1, 32)
