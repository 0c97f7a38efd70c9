"""The HTTP side with real rooms, called as an ASGI application: no Ray, no socket."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedworks.embedder import Embedder
from embedworks.serving import asgi
from embedworks.serving.asgi import Api
from embedworks.serving.config import Served
from embedworks.serving.protocol import Answer, EmbeddingRequest
from embedworks.serving.room import Room
from helpers.tiny import tiny_embedder, tiny_model

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
        raise RuntimeError("secret")

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
        ({"dimensions": 5}, {"layers": 1, "dimensions": 5, "trained": False}),
        ({"layers": 3}, {"layers": 3, "dimensions": 32, "trained": False}),
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


def test_prompts_and_token_ids(api: Api, embedder: Embedder) -> None:
    prompted = embed(api, prompt_name="query")[1]["data"][0]["embedding"]
    expected = embedder.encode(["the cat"], prompt="find the ")[0].numpy()
    np.testing.assert_allclose(prompted, expected, atol=1e-5)
    ids = embedder.tokenize(["the cat"])["input_ids"][0].tolist()
    assert embed(api, input=ids)[1]["data"] == embed(api)[1]["data"]
    assert embed(api, input=[ids, ids])[1]["usage"]["prompt_tokens"] == 8


@pytest.mark.parametrize(
    ("asked", "param", "words"),
    [
        ({"input": ["cat", "tree " * 63]}, "input", "input 1 has 65 tokens"),
        ({"input": [1] * 65}, "input", "at most 64"),
        ({"input": [100_000]}, "input", "token ids"),
        ({"input": [-1]}, "input", "token ids"),
        ({"dimensions": 33}, "dimensions", "1 to 32"),
        ({"dimensions": 0}, "dimensions", "1 to 32"),
        ({"layers": 5}, "layers", "1 to 4"),
        ({"prompt_name": "qury"}, "prompt_name", "did you mean 'query'"),
        ({"prompt_name": "query", "input": [1]}, "prompt_name", "token ids"),
    ],
)
def test_what_is_impossible_is_400(api: Api, asked: dict[str, Any], param: str, words: str) -> None:
    status, body, _ = embed(api, **asked)
    assert (status, body["error"]["param"]) == (400, param)
    assert words in body["error"]["message"]


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
    assert call(api, "GET", "/v1/embeddings")[0] == 405
    assert call(api, "POST", "/nothing")[0] == 404
    assert call(api, "GET", "/v1/models/tin")[0] == 404
    status, body, _ = embed(api, model="tinny")
    assert (status, body["error"]["code"]) == (404, "model_not_found")
    assert "did you mean 'tiny'" in body["error"]["message"]


def test_a_huge_body_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "MAX_BODY", 10)
    assert embed(api)[0] == 413


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
