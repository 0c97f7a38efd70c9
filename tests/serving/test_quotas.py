import asyncio
import json
from typing import Any

import pytest

from embedworks.embedder import Embedder
from embedworks.serving.gate import Gate
from embedworks.serving.keys import Key, make_key
from embedworks.serving.limits import estimated_tokens
from embedworks.serving.quotas import Bucket, Quota
from embedworks.serving.refusals import ApiError
from embedworks.task import EmbeddingRequest, Part
from helpers.asgi import acall, post, tiny_api
from helpers.tiny import tiny_model


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return tiny_model()


def limited(embedder: Embedder, **quotas: int) -> tuple[Any, dict[str, str], Clock, Key]:
    token, key = make_key("me", **quotas)
    gate, clock = Gate([key]), Clock()
    gate._quotas[key.id] = Quota(key, clock)
    api, _ = tiny_api(embedder, gate)
    return api, {"authorization": f"Bearer {token}"}, clock, key


def test_a_bucket_fills_evenly_and_owes_what_was_underestimated() -> None:
    clock = Clock()
    bucket = Bucket(60, clock)
    assert bucket.take(60)
    assert not bucket.take(1)
    assert bucket.seconds_until(1) == pytest.approx(1)
    clock.now = 1
    assert bucket.take(1)
    bucket.give(-10)
    assert bucket.level() == pytest.approx(-10)
    clock.now = 12.5
    assert bucket.take(1)
    clock.now = 1000
    assert bucket.level() == 60
    assert bucket.take(200)  # larger than the bucket: from a full one, which then owes
    assert bucket.level() == -140


def test_requests_a_minute(embedder: Embedder) -> None:
    api, headers, clock, _ = limited(embedder, requests_per_minute=2)
    _, _, seen = post(api, "embeddings", headers, input="x")
    assert seen["x-ratelimit-limit-requests"] == "2"
    assert seen["x-ratelimit-remaining-requests"] == "1"
    assert seen["x-ratelimit-reset-requests"] == "30s"
    assert "x-ratelimit-limit-tokens" not in seen
    assert post(api, "embeddings", headers, nonsense=1)[0] == 400  # counts as well
    status, body, seen = post(api, "embeddings", headers, input="x")
    assert (status, body["error"]["type"], body["error"]["code"]) == (
        429,
        "requests",
        "rate_limit_exceeded",
    )
    assert seen["retry-after"] == "30"
    assert seen["x-ratelimit-remaining-requests"] == "0"
    clock.now = 30
    assert post(api, "embeddings", headers, input="x")[0] == 200


def test_tokens_a_minute_count_what_was_read(embedder: Embedder) -> None:
    api, headers, clock, _ = limited(embedder, tokens_per_minute=600)
    status, body, seen = post(api, "embeddings", headers, input=["the cat", "a dog"])
    assert (status, body["usage"]["total_tokens"]) == (200, 8)
    assert seen["x-ratelimit-remaining-tokens"] == "592"
    assert seen["x-ratelimit-reset-tokens"] == "800ms"
    assert post(api, "embeddings", headers, input="tree " * 100)[0] == 413  # gives its reservation back
    assert (
        post(api, "embeddings", headers, input=[[5] * 40] * 14)[2]["x-ratelimit-remaining-tokens"] == "32"
    )
    status, body, seen = post(api, "rerank", headers, query="a", documents=["the cat and the dog"] * 8)
    assert (status, body["error"]["type"]) == (429, "tokens")
    assert int(seen["retry-after"]) >= 1
    clock.now = 60
    assert post(api, "rerank", headers, query="a", documents=["the cat and the dog"] * 8)[0] == 200


def test_many_at_once_do_not_get_beyond_the_quota(embedder: Embedder) -> None:
    api, headers, _, _ = limited(embedder, tokens_per_minute=100)
    body = json.dumps({"model": "tiny", "input": [[5] * 20]}).encode()

    async def everyone() -> list[int]:
        asked = (acall(api, "POST", "/v1/embeddings", body, headers) for _ in range(10))
        return sorted(status for status, _, _ in await asyncio.gather(*asked))

    assert asyncio.run(everyone()) == [200] * 5 + [429] * 5


def test_a_quota_goes_on_when_keys_are_deployed_again() -> None:
    _, key = make_key("me", requests_per_minute=1)
    other = make_key("you")[1]
    gate = Gate([key])
    gate._quotas[key.id].take_request()
    with pytest.raises(ApiError):
        Gate([other, key], before=gate)._quotas[key.id].take_request()
    wider = key.model_copy(update={"requests_per_minute": 2})
    Gate([wider], before=gate)._quotas[key.id].take_request()


def test_images_and_token_ids_are_estimated_apart_from_texts() -> None:
    def estimate(given: Any) -> int:
        return estimated_tokens([EmbeddingRequest(model="m", input=given)])

    assert estimate(["x" * 400, "x" * 40]) == 102 + 12
    assert estimate([[1, 2, 3], [4]]) == 4
    image = "data:image/png;base64," + "A" * 4000
    assert estimate([image, Part(image=image), Part(image=image, text="x" * 40)]) == 0 + 2 + 12
