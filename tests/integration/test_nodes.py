"""A run that follows its cluster: a node comes and is lost, and no sample is lost or repeated."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from helpers.chaos import Driver
from helpers.clusters import further_node, lose
from helpers.troubled import notes, run_troubled, samples_of_steps, saved_steps, troubled_job, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.chaos]

STEPS = 100
DRAIN_SECONDS = 10


@pytest.fixture
def node(ray_cluster) -> Iterator[subprocess.Popen[bytes]]:
    """A further node of three CPUs, in processes of its own."""
    with further_node() as process:
        yield process


def drain(node_id: str) -> None:
    """Announce that a node is going to be taken away, as clouds do through Ray's autoscaler."""
    from ray._raylet import GcsClient
    from ray.core.generated.autoscaler_pb2 import DrainNodeReason

    client = GcsClient(address=ray.get_runtime_context().gcs_address)
    reason = DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    deadline = int((time.time() + DRAIN_SECONDS) * 1000)
    accepted, why = client.drain_node(node_id, reason, "it is needed elsewhere", deadline)
    assert accepted, why


def alive() -> set[str]:
    return {one["NodeID"] for one in ray.nodes() if one["Alive"]}


def groups(place: Path, name: str) -> list[int]:
    """How many workers took the steps, one group after the other."""
    numbers = [note["workers"] for note in sorted(notes(place, name), key=lambda note: note["time"])]
    return [n for number, n in enumerate(numbers) if not number or numbers[number - 1] != n]


def is_idle() -> bool:
    """Whether nothing of earlier tests holds CPUs any longer."""
    return ray.available_resources().get("CPU") == ray.cluster_resources()["CPU"]


@pytest.mark.parametrize("noticed", [True, False], ids=["drained", "lost"])
def test_workers_follow_the_nodes(trouble, tiny_folder, request, noticed):
    name = f"nodes-{noticed}".lower()
    wait_for(is_idle, lambda: True)
    job = troubled_job(
        trouble,
        tiny_folder,
        name,
        workers="{min: 1, max: 3, look_every: 1}",
        steps=STEPS,
        objective="pause: 0.3",
        checkpoint="{every: 1000}" if noticed else "{every: 20}",
        more="resources: {cpus: 2.5}",
    )
    first = alive()
    with Driver(job, trouble / f"{name}.log") as driver:
        wait_for(lambda: groups(trouble, name) == [2], driver.runs)
        node = request.getfixturevalue("node")
        (added,) = wait_for(lambda: alive() - first, driver.runs)
        wait_for(lambda: groups(trouble, name) == [2, 3], driver.runs)
        before = set(saved_steps(trouble, name))
        if noticed:
            drain(added)
        wait_for(lambda: set(saved_steps(trouble, name)) - before, driver.runs)
        lose(node)
        assert driver.end() == 0, (trouble / f"{name}.log").read_text()
    assert groups(trouble, name) == [2, 3, 2]
    steps = [note["step"] for note in notes(trouble, name)]
    assert sorted(set(steps)) == list(range(1, STEPS + 1))
    calm = f"{name}-calm"
    run_troubled(troubled_job(trouble, tiny_folder, calm, steps=STEPS))
    assert samples_of_steps(trouble, name) == samples_of_steps(trouble, calm)
