"""What requests and rounds leave in the numbers, through the API."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from embedworks.serving import asgi
from embedworks.serving.asgi import Api
from embedworks.serving.gate import Gate
from embedworks.serving.keys import make_key
from embedworks.serving.metrics.meter import Meter
from embedworks.serving.metrics.requests import RequestMeter
from embedworks.serving.metrics.rooms import RoundMeter
from embedworks.serving.room import Room
from helpers.asgi import post, tiny_api
from helpers.tiny import tiny_model

SECRETS = ("the cat is secret", "sk-")


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    return Meter()


def watched(meter: Meter, gate: Gate | None = None) -> tuple[Api, Room]:
    """An API and its room that count in a meter of their own."""
    api, room = tiny_api(tiny_model(), gate)
    api._meter = RequestMeter(meter)
    room.meter = RoundMeter("tiny", meter)
    room.batcher._told = room.meter
    return api, room


def text(meter: Meter) -> str:
    return asgi.exposition(meter.snapshot()).decode()


def numbers(meter: Meter) -> dict[str, float]:
    """``name{labels}`` to value."""
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(text(meter))
        for sample in family.samples
    }


def test_requests_are_counted_by_task_model_status_and_key(meter: Meter) -> None:
    token, key = make_key("alice")
    api, _ = watched(meter, Gate([key]))
    bearer = {"authorization": f"Bearer {token}"}
    status, read, _ = post(api, "embeddings", bearer, input=SECRETS[0])
    assert status == 200
    assert post(api, "embeddings", bearer, input="")[0] == 400
    assert post(api, "embeddings", {"authorization": "Bearer sk-wrong"}, input=SECRETS[0])[0] == 401
    found = numbers(meter)
    name = "embedworks_requests_total"
    assert found[f"{name}['200', 'alice', 'embeddings', 'tiny']"] == 1
    assert found[f"{name}['400', 'alice', 'embeddings', 'tiny']"] == 1
    assert found[f"{name}['', '', '401', 'embeddings']"] == 1
    assert found["embedworks_tokens_total['alice', 'tiny']"] == read["usage"]["prompt_tokens"] > 0
    assert found["embedworks_requests_in_hand[]"] == 0
    assert not any(secret in text(meter) for secret in (*SECRETS, token))


def test_names_that_clients_make_up_are_not_kept(meter: Meter) -> None:
    api, _ = watched(meter)
    for number in range(5):
        assert post(api, "embeddings", model=f"made-up-{number}", input="x")[0] == 404
    assert "made-up" not in text(meter)
    assert numbers(meter)["embedworks_requests_total['', '', '404', 'embeddings']"] == 5


def test_rounds_tell_texts_tokens_and_padding(meter: Meter) -> None:
    api, room = watched(meter)
    post(api, "embeddings", input=["the cat", "the cat and the bird sing"])
    room.batcher.close()
    room.batcher._thread.join(10)
    found = numbers(meter)
    assert found["embedworks_round_texts_sum['tiny']"] == 2
    assert found["embedworks_round_tokens_sum['tiny']"] == found["embedworks_real_tokens_total['tiny']"]
    real, computed = (found[f"embedworks_{kind}_tokens_total['tiny']"] for kind in ("real", "computed"))
    assert computed >= real > 8
    assert found["embedworks_queue_seconds_count['tiny']"] == 1
    assert found["embedworks_compute_seconds_count['tiny']"] == 1


def test_a_round_that_fails_is_counted(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    api, room = watched(meter)
    monkeypatch.setattr(room.engine, "pooled", lambda *_, **__: 1 / 0)
    assert post(api, "embeddings", input="x")[0] == 500
    room.batcher.close()
    room.batcher._thread.join(10)
    assert numbers(meter)["embedworks_failed_rounds_total['tiny']"] == 1


def test_a_client_that_goes_away_is_one_too(meter: Meter) -> None:
    api, _ = watched(meter)
    scope = {"type": "http", "method": "POST", "path": "/v1/embeddings", "headers": []}
    body = b'{"model": "tiny", "input": "x"}'

    async def run() -> None:
        messages = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]
        hold = asyncio.Event()
        api._rooms["tiny"].answer = lambda _: hold.wait()  # type: ignore[index, method-assign]

        async def receive() -> dict[str, object]:
            return messages.pop(0)

        await api(scope, receive, lambda _: asyncio.sleep(0))

    asyncio.run(run())
    assert numbers(meter)["embedworks_requests_total['', '499', 'embeddings', 'tiny']"] == 1


def test_metrics_are_there_for_who_may_ask() -> None:
    token, key = make_key("alice")
    api, _ = tiny_api(tiny_model(), Gate([key]))
    sent: list[dict[str, object]] = []

    def get(headers: list[tuple[bytes, bytes]]) -> int:
        sent.clear()

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": headers}
        asyncio.run(api(scope, lambda: asyncio.sleep(0), send))  # type: ignore[arg-type]
        return int(str(sent[0]["status"]))

    assert get([]) == 401
    assert get([(b"authorization", f"Bearer {token}".encode())]) == 200
    assert b"# TYPE embedworks_requests_total counter" in bytes(sent[1]["body"])  # type: ignore[call-overload]
    assert dict(sent[0]["headers"])[b"content-type"].startswith(b"text/plain")  # type: ignore[call-overload]
