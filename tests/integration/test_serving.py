"""A real endpoint on Ray Serve, asked through OpenAI's own client."""

import contextlib
import json
import os
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openai
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder import weights_digest
from embedworks.serving import gateway
from embedworks.serving.config import Replicas, ServeConfig
from embedworks.serving.gateway import Endpoint
from embedworks.serving.ingress import find_haproxy
from embedworks.serving.keys import make_key
from embedworks.serving.limits import Limits
from embedworks.serving.reading import parse_config
from helpers.ports import free_port
from helpers.tiny import tiny_embedder

pytestmark = pytest.mark.ray

TEXTS = ["the cat", "a bird and a fish sing", "stone " * 30]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("serving") / "tiny"
    return tiny_embedder(target, pairs=((1, 8), (2, 16), (4, 32)), prompts={"query": "find the "})


@pytest.fixture(scope="module")
def config(folder: Path) -> ServeConfig:
    model = {"source": str(folder), "precision": "fp32", "num_cpus": 0.5}
    models = [{"name": "tiny", "replicas": 2, **model}, {"name": "other/tiny", **model}]
    return parse_config({"port": free_port(), "models": models}, "test")


@pytest.fixture(scope="module")
def endpoint(ray_cluster: Any, config: ServeConfig) -> Iterator[Endpoint]:
    endpoint = gateway.deploy(config)
    yield endpoint
    gateway.delete()


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> openai.OpenAI:
    return openai.OpenAI(base_url=endpoint.url, api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def embedder(folder: Path) -> Embedder:
    return Embedder.load(folder)


def vectors(response: Any) -> np.ndarray:
    assert [each.index for each in response.data] == list(range(len(response.data)))
    return np.array([each.embedding for each in response.data], dtype=np.float32)


@pytest.mark.parametrize("encoding", [{}, {"encoding_format": "float"}])
def test_texts(client: openai.OpenAI, embedder: Embedder, encoding: dict[str, Any]) -> None:
    response = client.embeddings.create(model="tiny", input=TEXTS, **encoding)
    np.testing.assert_allclose(vectors(response), embedder.encode(TEXTS).numpy(), atol=1e-5)
    assert (response.model, response.object) == ("tiny", "list")
    assert response.usage.prompt_tokens == response.usage.total_tokens == 4 + 10 + 32


def test_one_text_and_token_ids(client: openai.OpenAI, embedder: Embedder) -> None:
    expected = embedder.encode(TEXTS[:1]).numpy()
    ids = embedder.tokenize(TEXTS[:1])["input_ids"].tolist()
    for given in (TEXTS[0], ids[0], ids):
        response = client.embeddings.create(model="other/tiny", input=given)
        np.testing.assert_allclose(vectors(response), expected, atol=1e-5)


def test_sizes_and_prompts(client: openai.OpenAI, embedder: Embedder, folder: Path) -> None:
    response = client.embeddings.create(model="tiny", input=TEXTS, dimensions=16)
    expected = embedder.encode(TEXTS, layers=2, dimensions=16).numpy()
    np.testing.assert_allclose(vectors(response), expected, atol=1e-5)
    version = {"version": weights_digest(folder)[:12]}
    assert response.model_extra == {
        "embedworks": {"layers": 2, "dimensions": 16, "trained": True} | version
    }
    extra = {"layers": 1, "prompt_name": "query"}
    response = client.embeddings.create(model="tiny", input=TEXTS, dimensions=8, extra_body=extra)
    expected = embedder.encode(TEXTS, prompt="find the ", layers=1, dimensions=8).numpy()
    np.testing.assert_allclose(vectors(response), expected, atol=1e-5)
    assert response.model_extra == {"embedworks": {"layers": 1, "dimensions": 8, "trained": True} | version}


def test_models_and_health(client: openai.OpenAI, endpoint: Endpoint) -> None:
    assert [model.id for model in client.models.list()] == ["tiny", "other/tiny"]
    assert client.models.retrieve("other/tiny").owned_by == "embedworks"
    with urllib.request.urlopen(endpoint.url.replace("/v1", "/healthz")) as response:
        assert json.load(response) == {"status": "ok", "models": ["tiny", "other/tiny"]}


@pytest.mark.skipif(find_haproxy() is None, reason="no HAProxy here")
def test_only_this_machine_can_reach_it(endpoint: Endpoint, config: ServeConfig) -> None:
    listening: dict[int, set[str]] = {}
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "haproxy":
            for each in process.net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN:
                    listening.setdefault(each.laddr.port, set()).add(each.laddr.ip)
    assert config.port in listening
    assert set.union(*listening.values()) == {"127.0.0.1"}, listening
    first, last = (  # where replicas speak HTTP: which of them is free depends on what was served before
        int(os.environ[f"RAY_SERVE_DIRECT_INGRESS_{end}_HTTP_PORT"]) for end in ("MIN", "MAX")
    )
    replicas = {
        each.laddr.ip
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and first <= each.laddr.port <= last
    }
    assert replicas == {"127.0.0.1"}


def answered(endpoint: Endpoint) -> float:
    """Requests that the whole endpoint has answered for ``tiny``, by its metrics."""
    with urllib.request.urlopen(endpoint.url.replace("/v1", "/metrics")) as response:
        families = text_string_to_metric_families(response.read().decode())
    found = {"model": "tiny", "status": "200"}
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "embedworks_requests_total" and found.items() <= sample.labels.items()
    )


def test_metrics_and_status_are_of_the_whole_endpoint(client: openai.OpenAI, endpoint: Endpoint) -> None:
    before = answered(endpoint)
    for _ in range(20):
        client.embeddings.create(model="tiny", input=TEXTS)
    assert answered(endpoint) == before + 20
    until = time.monotonic() + 30  # rooms report by themselves, a second apart
    while time.monotonic() < until:
        traffic = gateway.status().traffic.get("tiny", {})
        if traffic.get("tokens_per_s") and traffic["requests_per_s"]:
            break
        time.sleep(0.5)
    assert traffic["texts_per_round"] >= len(TEXTS)
    assert traffic["errors_per_s"] == 0


def test_refusals_are_openais(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="did you mean 'tiny'") as missing:
        client.embeddings.create(model="tinny", input="x")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.APIStatusError, match=r"202 tokens.*at most 64") as long:
        client.embeddings.create(model="tiny", input="tree " * 200)
    assert (long.value.status_code, long.value.param) == (413, "input")
    assert long.value.type == "invalid_request_error"
    with pytest.raises(openai.BadRequestError, match="empty"):
        client.embeddings.create(model="tiny", input="")
    with pytest.raises(openai.BadRequestError, match="1 to 32"):
        client.embeddings.create(model="tiny", input="x", dimensions=33)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("none")


def test_2048_texts_come_back_in_order(client: openai.OpenAI, embedder: Embedder) -> None:
    texts = [TEXTS[i % 2] for i in range(2048)]
    got = vectors(client.embeddings.create(model="tiny", input=texts))
    expected = np.tile(embedder.encode(TEXTS[:2]).numpy(), (1024, 1))
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_bad_input_stops_before_deployment(endpoint: Endpoint, config: ServeConfig, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot move to"):
        gateway.deploy(config.model_copy(update={"port": free_port()}))
    broken = config.models[0].model_copy(update={"source": str(tmp_path)})
    with pytest.raises(InputError, match="no weights"):
        gateway.deploy(config.model_copy(update={"models": [broken]}))
    assert gateway.status().state == "RUNNING"


def actors(word: str) -> list[Any]:
    """The named actors of replicas that run."""
    import ray

    return [each for each in ray.util.list_named_actors(all_namespaces=True) if f"#{word}" in each["name"]]


def rooms(model: str) -> dict[str, Any]:
    """The actors of a model's replicas that run."""
    import ray

    named = actors(f"room-{model}-")
    return {each["name"]: ray.get_actor(each["name"], each["namespace"]) for each in named}


def test_scaling_keeps_the_replicas_that_stay(client: openai.OpenAI, config: ServeConfig) -> None:
    tiny, other = set(rooms("tiny")), set(rooms("other-tiny"))
    assert (len(tiny), len(other)) == (2, 1)
    gateway.scale("tiny", Replicas(min=1, max=1))
    assert client.embeddings.create(model="tiny", input="x").data
    with pytest.raises(InputError, match="did you mean 'tiny'"):
        gateway.scale("tin", Replicas())
    gateway.scale("tiny", Replicas(min=2, max=2))
    assert len(tiny & set(rooms("tiny"))) == 1
    assert set(rooms("other-tiny")) == other
    assert gateway.deployed_config().model("tiny").replicas.min == 2
    status = gateway.status()
    assert (status.state, status.url) == ("RUNNING", f"http://127.0.0.1:{config.port}/v1")


@contextlib.contextmanager
def asking(client: openai.OpenAI) -> Iterator[list[Exception]]:
    """Four clients that ask without pause and without retries; yields what fails."""
    failures: list[Exception] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                client.embeddings.create(model="tiny", input=TEXTS)
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    yield failures
    time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join()


def test_a_killed_replica_loses_no_request(client: openai.OpenAI) -> None:
    import ray

    with asking(client) as failures:
        ray.kill(next(iter(rooms("tiny").values())))
        time.sleep(1.5)
    assert failures == []


def test_a_single_model_runs_in_the_door(
    client: openai.OpenAI, config: ServeConfig, embedder: Embedder
) -> None:
    gateway.deploy(config.model_copy(update={"models": config.models[:1]}))
    assert list(gateway.status().deployments) == ["door"]
    response = client.embeddings.create(model="tiny", input=TEXTS)
    np.testing.assert_allclose(vectors(response), embedder.encode(TEXTS).numpy(), atol=1e-5)
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="other/tiny", input="x")


def test_keys_limits_and_tasks_change_without_a_new_replica(
    client: openai.OpenAI, config: ServeConfig, embedder: Embedder
) -> None:
    token, key = make_key("me", requests_per_minute=4)
    replicas = {each["name"] for each in actors("door")}
    update = {"models": config.models[:1], "keys": [key], "limits": Limits(inputs_per_request=2)}
    gateway.deploy(config.model_copy(update=update))
    assert {each["name"] for each in actors("door")} == replicas
    with pytest.raises(openai.AuthenticationError):
        client.embeddings.create(model="tiny", input="x")
    keyed = client.with_options(api_key=token)
    raw = keyed.embeddings.with_raw_response.create(model="tiny", input=TEXTS[:2])
    assert raw.headers["x-ratelimit-remaining-requests"] == "3"
    np.testing.assert_allclose(vectors(raw.parse()), embedder.encode(TEXTS[:2]).numpy(), atol=1e-5)
    with pytest.raises(openai.BadRequestError, match="at most 2"):
        keyed.embeddings.create(model="tiny", input=TEXTS)
    ranked = keyed.post("/rerank", body={"model": "tiny", "query": "a", "documents": ["b"]}, cast_to=object)
    assert ranked["results"][0]["index"] == 0  # type: ignore[index]
    assert gateway.deployed_config().keys == [key]


def test_a_pool_answers_for_more_models_than_it_keeps_in_memory(
    ray_cluster: Any, config: ServeConfig, folder: Path, tmp_path: Path
) -> None:
    folders = {"tiny": folder, **{name: tiny_embedder(tmp_path / name, seed=5) for name in ("b", "c")}}
    values = {
        "port": config.port,
        "pools": [{"name": "small", "num_cpus": 0.5, "models_in_memory": 1}],
        "models": [
            {"name": name, "source": str(each), "precision": "fp32", "pool": "small"}
            for name, each in folders.items()
        ],
    }
    endpoint = gateway.deploy(parse_config(values, "test"))
    client = openai.OpenAI(base_url=endpoint.url, api_key="none", max_retries=0)
    assert [model.id for model in client.models.list()] == list(folders)
    expected = {name: Embedder.load(each).encode(TEXTS).numpy() for name, each in folders.items()}

    def ask(name: str) -> None:
        response = client.embeddings.create(model=name, input=TEXTS)
        np.testing.assert_allclose(vectors(response), expected[name], atol=1e-5)

    with ThreadPoolExecutor(6) as threads:  # each model sends another one out, with requests in hand
        list(threads.map(ask, list(folders) * 3))
