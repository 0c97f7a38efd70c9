"""A node that is lost with replicas and doors on it, under load: no answer is wrong, and none is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from _killing import REPLICA, processes, wait_for
from _steady import Steady

from embedworks.embedder import Embedder
from embedworks.folder import weights_digest
from embedworks.serving import gateway
from embedworks.serving.ingress import OWN_PORTS
from embedworks.serving.reading import parse_config
from helpers.clusters import further_node, lose
from helpers.ports import free_port
from helpers.tiny import tiny_embedder

pytestmark = [pytest.mark.ray, pytest.mark.chaos]

TEXTS = ["the cat", "a bird and a fish sing", "stone"]


@pytest.fixture
def node(ray_cluster: str) -> Iterator[subprocess.Popen[bytes]]:
    """A further node, whose Serve listens on ports of its own."""
    ports = {name: str(free_port()) for name in (*OWN_PORTS, "RAY_SERVE_WORKER_PROXY_HTTP_PORT")}
    with further_node(ports) as process:
        yield process


def test_a_lost_node_loses_no_request(node: subprocess.Popen[bytes], tmp_path: Path) -> None:
    folder = tiny_embedder(tmp_path / "tiny", layers=2)
    # Two rooms fill the first node but for the doors, so that one is on the second.
    model = {"name": "docs", "source": str(folder), "precision": "fp32", "num_cpus": 2.2, "replicas": 3}
    values: dict[str, Any] = {"port": free_port(), "door": "separate", "door_replicas": 2}
    endpoint = gateway.deploy(parse_config({**values, "models": [model]}, "test"))
    expected = {weights_digest(folder)[:12]: Embedder.load(folder).encode(TEXTS).numpy()}
    load = Steady(endpoint.url, "docs", TEXTS, expected, clients=2, pause_s=0.02)
    wait_for(lambda: bool(processes(f"{REPLICA}room", under=node.pid)), "a room on the second node")
    with load.running(), load.phase("node") as tally:
        load.answered()
        lose(node)
        load.answered(200)
    gateway.delete()
    assert (tally.wrong, tally.lost) == ([], [])
    assert sum(tally.versions.values()) >= 220
