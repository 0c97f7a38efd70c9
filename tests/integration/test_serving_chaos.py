"""An endpoint under steady load while it is killed and changed: no answer is wrong, and none is lost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from _killing import PROXIES, kill, processes, replicas, wait_for
from _steady import Steady, Tally

from embedworks.embedder import Embedder
from embedworks.serving import gateway
from embedworks.serving.config import Replicas, ServeConfig, ServedModel
from embedworks.serving.reading import parse_config
from helpers import registry as registries
from helpers.ports import free_port
from helpers.registry import FileRegistry
from helpers.tiny import tiny_embedder

pytestmark = pytest.mark.ray

TEXTS = ["the cat", "a bird and a fish sing", "stone", "open a file", "sort a list", "an old tree"]
USERS = [f"user {n}" for n in range(8)]
SHARE = 0.5
CLIENTS = 2


@dataclass
class Stage:
    """What the tests act on, one after the other."""

    registry: FileRegistry
    config: ServeConfig
    load: Steady
    users: Steady

    def versions(self) -> dict[str, Any]:
        return gateway.status().models["docs"]


def pids(deployment: str) -> set[int]:
    return {process.pid for process in replicas(deployment)}


def broken(folder: Path) -> Path:
    """A model whose vectors are not numbers."""
    embedder = Embedder.load(tiny_embedder(folder, layers=2))
    with torch.no_grad():
        embedder.encoder.encoder.layer[-1].output.LayerNorm.weight.fill_(float("nan"))
    embedder.save(folder)
    return folder


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> FileRegistry:
    place = tmp_path_factory.mktemp("registry")
    found = FileRegistry(place / "registry.json")
    for version in ("1", "2", "3"):
        found.add(version, tiny_embedder(place / version, layers=2, seed=int(version)))
    found.add("4", broken(place / "4"))
    found.move("champion", "1")
    found.move("challenger", "3")
    return found


@pytest.fixture(scope="module")
def stage(ray_cluster: Any, registry: FileRegistry) -> Iterator[Stage]:
    cloudpickle.register_pickle_by_value(registries)  # replicas know no helpers of tests
    model = {"name": "docs", "source": "models:/docs@champion", "precision": "fp32", "num_cpus": 0.5}
    values = {
        "port": free_port(),
        "door_replicas": 2,
        "follow": {"every_s": 0.5},
        "models": [{**model, "replicas": 2}],
    }
    config = parse_config(values, "test")
    endpoint = gateway.deploy(config, registry)
    expected = {
        version: Embedder.load(registry(f"models:/docs/{version}")).encode(TEXTS).numpy()
        for version in "123"
    }
    assert min(np.abs(expected[a] - expected[b]).max() for a, b in ("12", "13", "23")) > 0.1
    options: dict[str, Any] = {"clients": CLIENTS, "pause_s": 0.02}
    load = Steady(endpoint.url, "docs", TEXTS, expected, **options)
    users = Steady(endpoint.url, "docs", TEXTS, expected, users=USERS, **options)
    yield Stage(registry, config, load, users)
    gateway.delete()
    cloudpickle.unregister_pickle_by_value(registries)


def assert_kept(tally: Tally) -> None:
    """No answer was wrong, no request lost, and there were some."""
    assert (tally.wrong, tally.lost) == ([], [])
    assert tally.versions


def test_killed_replicas_lose_nothing(stage: Stage) -> None:
    with stage.load.running() as load, load.phase("room") as room:
        load.answered()
        (dead,) = kill(replicas("room-docs")[:1])
        load.answered()
        with load.phase("door") as door:
            load.answered()
            kill(replicas("door")[:1])
            load.answered()
            wait_for(lambda: len(replicas("door")) == 2, "a new door")
            wait_for(lambda: len(replicas("room-docs")) == 2, "a new room")
            load.answered()
    assert_kept(room)
    assert_kept(door)
    assert room.dead_sockets == 0, "nobody saw it"
    assert door.dead_sockets <= CLIENTS, "at most what was in hand"
    assert dead not in pids("room-docs")


def test_a_killed_proxy_costs_connections_and_no_request(stage: Stage) -> None:
    with stage.load.running() as load, load.phase("proxy") as tally:
        load.answered()
        assert kill(processes(*PROXIES))
        load.answered()
    assert_kept(tally)
    assert tally.dead_sockets > 0


def test_scaling_loses_nothing(stage: Stage) -> None:
    before = pids("room-docs")
    with stage.load.running() as load, load.phase("scale") as tally:
        load.answered()
        gateway.scale("docs", Replicas(min=1, max=1))
        wait_for(lambda: len(replicas("room-docs")) == 1, "one replica fewer")
        load.answered()
    assert_kept(tally)
    assert pids("room-docs") < before


def test_a_moved_alias_is_rolled_to_although_the_follower_was_killed(stage: Stage) -> None:
    wait_for(lambda: len(pids("door")) == 2, "the last door to go")
    doors = pids("door")
    with stage.load.running() as load, load.phase("roll") as tally:
        load.answered()
        kill(replicas("follower"))
        stage.registry.move("champion", "2")
        load.wait(lambda tally: tally.versions["2"] > 0)
        wait_for(lambda: stage.versions()["version"] == "2", "the status of the new version")
        with load.phase("rolled") as after:
            load.answered()
    assert_kept(tally)
    assert_kept(after)
    assert set(after.versions) == {"2"}, "once it is the new version, it is nothing else"
    assert pids("door") == doors, "doors are told, and stay"
    about = stage.versions()
    assert (about["previous"], about["last_failure"]) == ("1", None)
    assert (about["last_roll"]["before"], about["last_roll"]["after"]) == ("1", "2")


def test_a_broken_version_is_not_taken_and_the_reason_is_kept(stage: Stage) -> None:
    wait_for(lambda: len(pids("room-docs")) == 1, "the last version to go")
    serving = pids("room-docs")
    with stage.load.running() as load, load.phase("broken") as tally:
        load.answered()
        stage.registry.move("champion", "4")
        wait_for(lambda: stage.versions()["last_failure"] is not None, "a failure that is told")
        load.answered()
    assert_kept(tally)
    assert set(tally.versions) == {"2"}
    failure = stage.versions()["last_failure"]
    assert failure["version"] == "4"
    assert "CheckFailed: vectors are not finite" in failure["reason"]
    assert pids("room-docs") == serving, "what served was not touched"
    assert gateway.status().state == "RUNNING"


def test_a_registry_that_is_away_stops_nothing(stage: Stage) -> None:
    hidden = stage.registry.file.with_suffix(".away")
    stage.registry.file.rename(hidden)
    with stage.load.running() as load, load.phase("away") as tally:
        wait_for(lambda: stage.versions()["follows"]["troubles"], "trouble that is told")
        load.answered()
    hidden.rename(stage.registry.file)
    wait_for(lambda: not stage.versions()["follows"]["troubles"], "the end of the trouble")
    assert_kept(tally)


def test_a_canary_answers_its_share_is_promoted_and_taken_back(stage: Stage) -> None:
    stage.registry.move("champion", "2")
    challenger = {"source": "models:/docs@challenger", "share": SHARE}
    (model,) = gateway.deployed_config().models
    changed = ServedModel.model_validate(model.model_dump() | {"canary": challenger, "shadow": challenger})
    with stage.users.running() as load, load.phase("canary") as canary:
        load.answered()
        gateway.deploy(stage.config.model_copy(update={"models": [changed]}), stage.registry)
        load.wait(lambda tally: tally.versions["3"] > 0 and tally.versions["2"] > 0)
        wait_for(lambda: compared(stage) > 0, "a comparison by the shadow")
        serving = pids("room-docs")
        gateway.promote("docs")
        with load.phase("promoted") as promoted:
            load.answered()
        wait_for(lambda: pids("room-docs") < serving, "no other replica than those that were warm already")
        gateway.roll_back("docs")
        with load.phase("back") as back:
            load.answered()
    for tally in (canary, promoted, back):
        assert_kept(tally)
    assert set(promoted.versions) == {"3"}
    assert set(back.versions) == {"2"}


def compared(stage: Stage) -> int:
    report = stage.versions()["shadow"].get("compared_with_model", {})
    return int(report.get("compared", 0))


def test_to_nothing_and_back(stage: Stage) -> None:
    (model,) = gateway.deployed_config().models
    alone = model.model_copy(update={"shadow": None})
    gateway.deploy(stage.config.model_copy(update={"models": [alone]}), stage.registry)
    gateway.scale("docs", Replicas(min=0, max=2, idle_s=1))
    wait_for(lambda: not replicas("room-docs"), "the last replica to go")
    assert gateway.status().state == "RUNNING"
    with stage.load.running() as load, load.phase("woken") as tally:
        load.answered()
    assert_kept(tally)
    assert set(tally.versions) == {"2"}
