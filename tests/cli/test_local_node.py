"""Ending a node that `cluster up` started: what stays through SIGTERM must not hold it up."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from embedworks.cli import local_node

# A node: on SIGTERM it waits for its actors, as a raylet does, and then says that it ended in order.
NODE = """
import signal, subprocess, sys
from pathlib import Path

place = Path(sys.argv[1])
stay = "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print(flush=True); time.sleep(600)"
actor = subprocess.Popen([sys.argv[2], "-c", stay], executable=sys.executable, stdout=subprocess.PIPE)
actor.stdout.readline()


def end(*_):
    actor.wait()
    (place / "in order").touch()
    sys.exit()


signal.signal(signal.SIGTERM, end)
(place / "up").write_text(str(actor.pid))
signal.pause()
"""


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Starts a node whose only actor has a name, recorded as port 1; gives the actor's process."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    started = []

    def start(name: str) -> psutil.Process:
        process = subprocess.Popen([sys.executable, "-c", NODE, str(tmp_path), name])
        started.append(process)
        while not (tmp_path / "up").exists() or not (tmp_path / "up").read_text():
            time.sleep(0.05)
        record(process.pid, tmp_path)
        return psutil.Process(int((tmp_path / "up").read_text()))

    yield start
    for process in started:
        process.kill()
        process.wait()


def record(pid: int, place: Path) -> None:
    facts = {"pid": pid, "created": psutil.Process(pid).create_time(), "address": "", "dashboard": ""}
    folder = place / "embedworks"
    folder.mkdir()
    (folder / "cluster-1.json").write_text(json.dumps(facts))


def test_actors_of_serve_do_not_hold_it_up(node, tmp_path, monkeypatch):
    monkeypatch.setattr(local_node, "SERVE_SECONDS", 0.2)
    actor = node("ray::ProxyActor")
    local_node.stop(1)
    assert (tmp_path / "in order").exists()
    assert not actor.is_running()


def test_other_actors_have_all_the_time(node, monkeypatch):
    monkeypatch.setattr(local_node, "SERVE_SECONDS", 0.2)
    monkeypatch.setattr(local_node, "STOP_SECONDS", 1)
    killed, kill = [], local_node.kill

    def telling(processes):
        killed.append(list(processes))
        kill(killed[-1])

    monkeypatch.setattr(local_node, "kill", telling)
    actor = node("ray::RayTrainWorker")
    local_node.stop(1)
    assert [actor in those for those in killed] == [False, True]
