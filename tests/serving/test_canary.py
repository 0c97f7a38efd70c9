"""Who gets the canary, and that an answer says which version it is of."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from embedworks.serving.asgi import Api
from embedworks.serving.canary import Split, client_of, takes_part
from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.task import Answer, EmbeddingRequest
from helpers.asgi import acall


class Fixed:
    """A room whose vectors are all the same."""

    def __init__(self, version: str, value: float) -> None:
        self.version = version
        self.value = value

    async def answer(self, request: EmbeddingRequest) -> Answer:
        vectors = np.full((len(request.inputs()), 2), self.value, dtype=np.float32)
        return Answer(vectors, 1, version=self.version)

    async def describe(self) -> dict[str, Any]:
        return {"id": "docs", "embedworks": {"version": self.version}}


def split(share: float) -> Split:
    return Split("docs", Fixed("1", 1.0), (Fixed("2", 2.0), share), None, "2")


def ask(api: Api, headers: dict[str, str] | None = None, task: str = "embeddings", **fields: Any) -> Any:
    body = json.dumps({"model": "docs", "input": "x", **fields}).encode()
    return asyncio.run(acall(api, "POST", f"/v1/{task}", body, headers))


def test_the_share_is_kept_and_who_is_in_stays_in_when_it_grows() -> None:
    clients = [f"user {n}" for n in range(4000)]
    chosen = [{one for one in clients if takes_part(one, "docs", share)} for share in (0.1, 0.3, 1.0)]
    assert 320 < len(chosen[0]) < 480
    assert 1080 < len(chosen[1]) < 1320
    assert chosen[0] < chosen[1] < chosen[2] == set(clients)
    other = {one for one in clients if takes_part(one, "code", 0.1)}
    assert other != chosen[0], "not always the same are first"


def test_a_key_counts_before_a_user_and_a_user_before_a_header() -> None:
    request = EmbeddingRequest(model="docs", input="x", user="ann")
    nameless = EmbeddingRequest(model="docs", input="x")
    headers = {b"x-embedworks-client": b"shop"}
    assert client_of("k1", request, headers) == "key k1"
    assert client_of(None, request, headers) == "user ann"
    assert client_of(None, nameless, headers) == "client shop"
    assert client_of(None, nameless, {}) is None
    assert client_of(None, object(), {}) is None, "a task's request need not have a user"


def test_who_says_nothing_is_never_sent_to_a_canary() -> None:
    api = Api({"docs": split(1.0)})
    status, body, headers = ask(api)
    assert (status, body["embedworks"]["version"], headers["x-embedworks-version"]) == (200, "1", "1")


@pytest.mark.parametrize("how", ["user", "header"])
def test_a_client_always_gets_the_same_version_and_is_told_which(how: str) -> None:
    api = Api({"docs": split(0.5)})
    seen: dict[str, set[tuple[str, float]]] = {}
    for _ in range(3):
        for n in range(40):
            named = {"user": f"u{n}"} if how == "user" else {}
            header = {} if how == "user" else {"x-embedworks-client": f"u{n}"}
            _, body, headers = ask(api, header, encoding_format="float", **named)
            value = body["data"][0]["embedding"][0]
            assert body["embedworks"]["version"] == headers["x-embedworks-version"] == str(int(value))
            seen.setdefault(f"u{n}", set()).add((body["embedworks"]["version"], value))
    assert all(len(versions) == 1 for versions in seen.values())
    assert {("1", 1.0), ("2", 2.0)} == set.union(*seen.values())


def test_all_that_a_request_asks_is_answered_by_one_version() -> None:
    api = Api({"docs": split(0.5)})
    versions = set()
    for n in range(20):
        fields = {"query": "a", "documents": ["b", "c"], "user": f"u{n}"}
        body = json.dumps({"model": "docs", **fields}).encode()
        _, answer, headers = asyncio.run(acall(api, "POST", "/v1/rerank", body, {}))
        assert answer["results"][0]["relevance_score"] == pytest.approx(1.0)
        versions.add(headers["x-embedworks-version"])
    assert versions == {"1", "2"}


def test_with_keys_the_key_chooses() -> None:
    made = [make_key(f"k{n}") for n in range(12)]
    api = Api({"docs": split(0.5)}, Gate([key for _, key in made]))
    for token, key in made:
        for user in ("a", "b", "c"):
            _, _, headers = ask(api, {"authorization": f"Bearer {token}"}, user=user)
            expected = "2" if takes_part(f"key {key.id}", "docs", 0.5) else "1"
            assert headers["x-embedworks-version"] == expected


def test_the_card_says_both_versions() -> None:
    card = asyncio.run(split(0.5).describe())
    assert card["embedworks"] == {"version": "1", "canary": "2"}


def test_rooms_change_while_a_request_is_in_hand() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Fixed):
        async def answer(self, request: EmbeddingRequest) -> Answer:
            begun.set()
            await go_on.wait()
            return await super().answer(request)

    async def run() -> list[str]:
        api = Api({"docs": Slow("1", 1.0)})
        body = json.dumps({"model": "docs", "input": "x"}).encode()
        first = asyncio.create_task(acall(api, "POST", "/v1/embeddings", body))
        await begun.wait()
        api.serve({"docs": Fixed("2", 2.0)})
        second = await acall(api, "POST", "/v1/embeddings", body)
        go_on.set()
        return [answer[2]["x-embedworks-version"] for answer in (await first, second)]

    assert asyncio.run(run()) == ["1", "2"]
