"""An index on Ray Serve under load, while its pointer moves and replicas die: nothing wrong, none lost."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from _killing import kill, replicas, wait_for
from _steady import Tally
from prometheus_client.parser import text_string_to_metric_families

from embedworks.serving import gateway
from embedworks.serving.reading import parse_config
from embedworks.serving.replicas import Replicas
from helpers.indexes import SmallIndex, small_index
from helpers.ports import free_port
from helpers.steady_search import SteadySearch, right_scores

pytestmark = pytest.mark.ray

QUERIES = ["sort a list", "a bird in the tree", "open the file", "the moon", "stones in a river"]


@dataclass
class Stage:
    """What the tests act on, one after the other."""

    index: SmallIndex
    load: SteadySearch
    root: str

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.root}{path}", timeout=30) as response:
            return json.loads(response.read())

    def status(self) -> dict[str, Any]:
        return gateway.status().indexes["docs"]


@pytest.fixture(scope="module")
def stage(ray_cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    index = small_index(tmp_path_factory.mktemp("searching"), prompts={"query": "find the "})
    first = index.record
    second = index.add_version(switch=False, prompts={"query": "look for "})
    expected = {record.id: right_scores(record, QUERIES) for record in (first, second)}
    assert np.abs(expected[first.id] - expected[second.id]).max() > 0.1
    about = {"name": "docs", "path": str(index.path), "precision": "fp32", "num_cpus": 0.5}
    values = {"port": free_port(), "indexes": [{**about, "replicas": 2, "follow_s": 0.2}]}
    endpoint = gateway.deploy(parse_config(values, "test"))
    assert (endpoint.models, endpoint.indexes) == ((), ("docs",))
    load = SteadySearch(endpoint.url, "docs", QUERIES, expected, clients=2, pause_s=0.02)
    yield Stage(index, load, endpoint.url.removesuffix("/v1"))
    gateway.delete()


def assert_kept(tally: Tally) -> None:
    """No answer was wrong, no request lost, and there were some."""
    assert (tally.wrong, tally.lost) == ([], [])
    assert tally.versions


def test_what_is_served_is_told(stage: Stage) -> None:
    (card,) = stage.get("/v1/indexes")["data"]
    record = stage.index.record
    assert (card["id"], card["rows"], card["version"]) == ("docs", record.rows, record.id)
    assert stage.get("/healthz") == {"status": "ok", "models": [], "indexes": ["docs"]}
    assert len(stage.get("/v1/indexes/docs/map")["id"]) == card["map"] > 0
    assert len(stage.get("/v1/indexes/docs/questions")["data"]) == card["questions"] > 0
    about = stage.status()
    assert (about["version"], about["rows"], about["trouble"]) == (record.id, record.rows, None)
    with urllib.request.urlopen(f"{stage.root}/", timeout=30) as page:
        assert page.headers["content-type"].startswith("text/html")


def test_a_killed_replica_loses_nothing(stage: Stage) -> None:
    with stage.load.running() as load, load.phase("killed") as tally:
        load.answered()
        (dead,) = kill(replicas("index-docs")[:1])
        load.answered(40)
    assert_kept(tally)
    assert tally.dead_sockets == 0, "nobody saw it"
    wait_for(lambda: len(replicas("index-docs")) == 2, "a new replica")
    assert dead not in {process.pid for process in replicas("index-docs")}


def test_the_pointer_moves_under_load(stage: Stage) -> None:
    before, (_, after) = stage.index.record.id, [record.id for record in stage.index.folder.versions()]
    serving = {process.pid for process in replicas("index-docs")}
    with stage.load.running() as load, load.phase("moved") as tally:
        load.wait(lambda tally: tally.versions[before] > 5)
        stage.index.folder.switch(after)
        wait_for(lambda: stage.status()["versions"] == {after: 2}, "both replicas at the new version")
        with load.phase("new") as new:
            load.answered()
    assert_kept(tally)
    assert_kept(new)
    assert set(tally.versions) == {before, after}
    assert set(new.versions) == {after}
    assert {process.pid for process in replicas("index-docs")} == serving, "replicas stay"
    told = metrics(stage)
    assert told["embedworks_index_rows", ("docs", after)] == stage.index.record.rows, "not twice as many"
    assert told["embedworks_index_replicas", ("docs", after)] == 2


def test_a_version_that_cannot_be_opened_is_not_taken_and_told_of(stage: Stage) -> None:
    good = stage.index.record.id
    broken = stage.index.add_version(switch=False)
    (broken.folder / "model.safetensors").write_bytes(b"")
    with stage.load.running() as load, load.phase("broken") as tally:
        stage.index.folder.switch(broken.id)
        wait_for(lambda: stage.status()["trouble"] is not None, "trouble that is told")
        load.answered()
    assert_kept(tally)
    assert set(tally.versions) == {good}
    about = stage.status()
    assert (about["version"], about["trouble"]["version"]) == (good, broken.id)
    wait_for(lambda: metrics(stage)["embedworks_index_failures_total", ("docs",)] > 0, "the metric")
    stage.index.folder.switch(good)
    wait_for(lambda: stage.status()["trouble"] is None, "the end of the trouble")


def test_scaling_loses_nothing(stage: Stage) -> None:
    before = {process.pid for process in replicas("index-docs")}
    with stage.load.running() as load, load.phase("scaled") as tally:
        load.answered()
        gateway.scale("docs", Replicas(min=1, max=1), index=True)
        wait_for(lambda: len(replicas("index-docs")) == 1, "one replica fewer")
        load.answered()
    assert_kept(tally)
    assert {process.pid for process in replicas("index-docs")} < before


def metrics(stage: Stage) -> dict[tuple[str, tuple[str, ...]], float]:
    with urllib.request.urlopen(f"{stage.root}/metrics", timeout=30) as response:
        text = response.read().decode()
    families = text_string_to_metric_families(text)
    samples = (sample for family in families for sample in family.samples)
    return {(sample.name, tuple(sample.labels.values())): sample.value for sample in samples}
