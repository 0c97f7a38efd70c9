"""A pool's replica, without Serve: models come and go, and no request is lost on the way."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from embedworks.folder import load_embedder, outline_embedder
from embedworks.serving import pool
from embedworks.serving.config import Pool, Served
from embedworks.serving.pool import PoolReplica, Tenant
from embedworks.serving.protocol import Answer, ApiError, EmbeddingRequest
from embedworks.serving.room import Room
from helpers.tiny import tiny_embedder


def served_model(folder: Path, name: str) -> Served:
    return Served(name=name, source=str(folder), folder=folder, created=1, precision="fp32", pool="small")


@pytest.fixture
def replica(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PoolReplica:
    """A replica of two models that keeps what it loads."""
    monkeypatch.setattr(pool.serve, "multiplexed", lambda **_: lambda function: function)
    models = [
        served_model(tiny_embedder(tmp_path / name, seed=seed), name)
        for seed, name in enumerate(("one", "two"))
    ]
    return PoolReplica(models, Pool(name="small", num_cpus=0.5))


def test_a_model_is_loaded_when_it_is_asked_for(replica: PoolReplica) -> None:
    answer = asyncio.run(replica.answer(EmbeddingRequest(model="two", input="the cat")))
    assert isinstance(answer, Answer)
    expected = load_embedder(replica.served["two"].folder).encode(["the cat"]).numpy()
    np.testing.assert_allclose(answer.vectors, expected, atol=1e-5)


def test_a_refusal_is_an_answer(replica: PoolReplica) -> None:
    answer = asyncio.run(replica.answer(EmbeddingRequest(model="one", input="x", dimensions=999)))
    assert isinstance(answer, ApiError)
    assert answer.status == 400


def test_a_model_that_goes_away_under_a_request_is_asked_for_again(replica: PoolReplica) -> None:
    loaded: list[str] = []
    load = replica.tenant

    async def leaving(name: str) -> Tenant:
        tenant = await load(name)
        loaded.append(name)
        if len(loaded) == 1:
            tenant.room.close()
        return tenant

    replica.tenant = leaving
    answer = asyncio.run(replica.answer(EmbeddingRequest(model="one", input="the cat")))
    assert isinstance(answer, Answer)
    assert loaded == ["one", "one"]


def test_a_model_that_is_gone_is_not_checked(replica: PoolReplica) -> None:
    async def run() -> None:
        tenant = await replica.tenant("one")
        room = tenant.room
        assert replica.present == {room}
        tenant.__del__()
        room.batcher._thread.join(5)
        replica.check_health()
        assert not replica.present

    asyncio.run(run())


def test_a_model_is_described_without_its_weights(replica: PoolReplica, tmp_path: Path) -> None:
    described = asyncio.run(replica.describe("one"))
    about, whole = described["embedworks"], Room.open(replica.served["one"]).description["embedworks"]
    assert about == whole | {"backend": None, "precision": None, "cosine": None}
    assert whole["precision"] == "fp32"
    assert not replica.present
    (replica.served["two"].folder / "model.safetensors").write_bytes(b"none")
    assert asyncio.run(replica.describe("two"))["embedworks"]["dimensions"] == 32


def test_an_outline_has_the_sizes_of_the_whole(tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "m", layers=3, width=16, pairs=((1, 8), (3, 16)))
    outline, whole = outline_embedder(folder), load_embedder(folder)
    assert outline.full_pair == whole.full_pair == (3, 16)
    assert outline.settings == whole.settings
    assert all(parameter.is_meta for parameter in outline.encoder.parameters())
