"""What Ray Serve is told of HAProxy, and what HAProxy is told in place of Serve's own words."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from embedworks.serving import ingress
from embedworks.serving.ingress import OWN_PORTS, SCRIPT, avoid_taken_ports, choose_ingress, find_haproxy
from helpers.troubled import wait_for

BINDS = {"config.metrics_port": "9101", "config.stats_port": "8404", "config.frontend_port": "8000"}


@pytest.fixture
def rewritten(tmp_path: Path) -> str:
    """Serve's own template, numbers filled in, as HAProxy gets to read it."""
    from ray.serve._private.haproxy_templates import HAPROXY_CONFIG_TEMPLATE

    text = HAPROXY_CONFIG_TEMPLATE
    for name, value in BINDS.items():
        text = text.replace("{{ " + name + " }}", value)
    file = tmp_path / "haproxy.cfg"
    file.write_text(text.replace("{{ config.frontend_host }}", "10.0.0.7"))
    told = subprocess.run(
        [SCRIPT, "-db", "-f", file, "-sf", "17"],
        env={**os.environ, "EMBEDWORKS_HAPROXY": "/bin/echo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["-db", "-f", str(file), "-sf", "17"]
    return file.read_text()


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_haproxys_own_pages_listen_on_this_machine_alone(rewritten):
    binds = re.findall(r"^\s*bind (\S+)", rewritten, re.MULTILINE)
    assert {"127.0.0.1:9101", "127.0.0.1:8404", "10.0.0.7:8000"} <= set(binds)
    assert not [bind for bind in binds if bind.startswith((":", "*"))]


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_the_admin_socket_is_the_owners_and_headers_must_end(rewritten):
    assert "mode 600" in rewritten
    assert "mode 666" not in rewritten
    assert re.search(r"^\s*timeout http-request 60s$", rewritten, re.MULTILINE)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs util-linux")
def test_it_ends_with_the_process_that_started_it(tmp_path: Path):
    pid = tmp_path / "pid"
    binary = tmp_path / "haproxy"
    binary.write_text(f"#!/bin/sh\necho $$ > {pid}.part && mv {pid}.part {pid}\nexec sleep 300\n")
    binary.chmod(0o755)
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.Popen([{str(SCRIPT)!r}]).wait()"],
        env={**os.environ, "EMBEDWORKS_HAPROXY": str(binary)},
    )
    wait_for(pid.exists)
    child = psutil.Process(int(pid.read_text()))
    parent.kill()
    parent.wait()
    child.wait(timeout=30)


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
@pytest.mark.parametrize("knows_replicas", [True, False])
def test_a_proxy_that_knows_no_replicas_closes_connections(tmp_path: Path, knows_replicas: bool):
    from ray.serve._private.haproxy_templates import HAPROXY_CONFIG_TEMPLATE

    (refusal,) = re.findall(r"^backend default_backend\n.*\n", HAPROXY_CONFIG_TEMPLATE, re.MULTILINE)
    assert "return status 404" in refusal
    file = tmp_path / "haproxy.cfg"
    file.write_text(f"{'    use_backend app if is_app' if knows_replicas else ''}\n{refusal}")
    subprocess.run([SCRIPT, "-f", file], env={**os.environ, "EMBEDWORKS_HAPROXY": "/bin/true"}, check=True)
    told = file.read_text()
    assert ("return status 404" in told) == knows_replicas
    assert ("http-request reject" in told) != knows_replicas


def test_what_the_user_has_set_stays():
    environment = {"RAY_SERVE_HAPROXY_NBTHREAD": "3"}
    choose_ingress(environment)
    assert environment["RAY_SERVE_HAPROXY_NBTHREAD"] == "3"
    assert environment.get("RAY_SERVE_ENABLE_HA_PROXY") == ("1" if find_haproxy() else None)


def test_serves_own_proxy_can_be_asked_for():
    environment = {"RAY_SERVE_ENABLE_HA_PROXY": "0"}
    choose_ingress(environment)
    assert not [name for name in environment if "HAPROXY" in name or "THROUGHPUT" in name]


def test_without_rays_haproxy_nothing_is_set(monkeypatch):
    monkeypatch.setattr(ingress, "find_spec", lambda name: None)
    environment: dict[str, str] = {}
    choose_ingress(environment)
    assert "RAY_SERVE_ENABLE_HA_PROXY" not in environment


def test_every_setting_is_one_that_serve_reads():
    from ray.serve._private import constants

    environment: dict[str, str] = {}
    choose_ingress(environment)
    text = Path(constants.__file__).read_text()
    environment |= dict.fromkeys(OWN_PORTS, "")
    assert [name for name in environment if name.startswith("RAY_") and f'"{name}"' not in text] == []


def test_a_node_listens_beside_another_ones_serve(monkeypatch):
    name = "RAY_SERVE_HAPROXY_METRICS_PORT"
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setattr(ingress, "OWN_PORTS", {name: taken})
        chosen, set_by_user = {}, {name: str(taken)}
        avoid_taken_ports(chosen)
        avoid_taken_ports(set_by_user)
    assert int(chosen[name]) > taken
    assert set_by_user == {name: str(taken)}
    free: dict[str, str] = {}
    avoid_taken_ports(free)
    assert free == {}, "the usual one is free now"
