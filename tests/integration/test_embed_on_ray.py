"""Embedding on a real Ray pool: a killed worker, and a killed driver, lose nothing and repeat nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

from embedworks.indexing.pool import Pool, embed_on_ray
from embedworks.indexing.record import UNITS
from embedworks.vectors.index_folder import IndexFolder
from helpers.embedding import corpus_of, embed_texts, texts, whole_table
from helpers.tiny import tiny_embedder

pytestmark = pytest.mark.ray

ROWS = 8192  # sixteen units
PATIENCE_S = 180  # bounds a hang; nothing is measured
ON_RAY = partial(embed_on_ray, pool=Pool(2, 2))


@pytest.fixture(scope="module", autouse=True)
def no_map() -> Iterator[None]:
    """Drawing three maps would take longer than all else here, and they are looked at elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedworks.vectors.map.write", lambda *_, **__: None)
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Slow enough to be interrupted."""
    return tiny_embedder(tmp_path_factory.mktemp("model") / "m", layers=6, width=128)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return corpus_of(tmp_path_factory.mktemp("rows") / "corpus", texts(ROWS), shard_rows=2048)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, model, corpus) -> pa.Table:
    """The table of one process that nothing happened to."""
    index = tmp_path_factory.mktemp("undisturbed") / "index"
    embed_texts(model, corpus, index, max_rows=None)
    return whole_table(index)


def records(index: Path) -> dict[str, int]:
    """Finished units, and when they were."""
    found = index.glob(f"versions/*/{UNITS}/*.json")
    return {file.name: file.stat().st_mtime_ns for file in found if not file.name.startswith(".")}


def kill_a_worker() -> None:
    """The first process of the pool that is found."""
    for process in psutil.Process().children(recursive=True):
        if "RayWorker" in " ".join(process.cmdline()):
            process.kill()
            return
    raise AssertionError("no worker of the pool runs")


def test_a_killed_worker_costs_its_unit_alone(ray_cluster, model, corpus, tmp_path, undisturbed):
    before: dict[str, int] = {}

    def listen(now) -> None:
        if now.done and not before:
            before.update(records(tmp_path / "index"))
            kill_a_worker()

    done = embed_texts(model, corpus, tmp_path / "index", max_rows=None, embed=ON_RAY, listen=listen)
    after = records(tmp_path / "index")
    assert 0 < len(before) < len(after) == 16
    assert {name: after[name] for name in before} == before
    assert (done.rows, done.before) == (ROWS, 0)
    assert whole_table(tmp_path / "index").equals(undisturbed)


def test_a_killed_driver_goes_on_where_it_was(ray_cluster, model, corpus, tmp_path, undisturbed):
    import ray

    index = tmp_path / "index"
    command = [sys.executable, "-m", "embedworks.cli.main", "embed", model, corpus, "--index", index]
    command += ["--workers", "1-2", "--address", ray.get_runtime_context().gcs_address]
    driver = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ
    )
    deadline = time.monotonic() + PATIENCE_S
    while len(records(index)) < 3:
        assert driver.poll() is None, driver.stderr.read().decode()
        assert time.monotonic() < deadline, "no unit was done"
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert IndexFolder.open(index).current() is None
    before = records(index)
    done = embed_texts(model, corpus, index, max_rows=None, embed=ON_RAY)
    after = records(index)
    assert len(after) == 16
    assert {name: after[name] for name in before} == before
    assert done.before >= 3 * 512
    assert whole_table(index).equals(undisturbed)
    [data] = index.rglob("data")
    assert len(list(data.iterdir())) == 16
