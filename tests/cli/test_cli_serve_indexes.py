"""``serve`` with indexes: deployed by their folders, scaled, shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from embedworks.cli import serve
from embedworks.errors import InputError
from embedworks.serving import gateway
from embedworks.serving.config import ServeConfig
from embedworks.serving.gateway import Endpoint
from embedworks.serving.replicas import Replicas
from embedworks.vectors.index_folder import IndexFolder
from helpers.commands import output_of
from helpers.tiny import tiny_embedder

URL = "http://127.0.0.1:8000/v1"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replaces the cluster: what the gateway is asked for."""
    calls: list[Any] = []

    def deploy(config: ServeConfig, resolve: Any, tell: Any) -> Endpoint:
        calls.append(config)
        models, indexes = ([each.name for each in parts] for parts in (config.models, config.indexes))
        return Endpoint(URL, tuple(models), tuple(indexes), config.playground)

    def scale(name: str, replicas: Replicas, tell: Any, *, index: bool) -> Endpoint:
        calls.append((name, replicas, index))
        return Endpoint(URL, (), (name,))

    monkeypatch.setattr(gateway, "deploy", deploy)
    monkeypatch.setattr(gateway, "scale", scale)
    monkeypatch.setattr(serve, "_connect", lambda address, needs_running: None)
    return calls


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(IndexFolder.create(tmp_path / "folder", "docs").path)


def run(*arguments: str) -> str:
    return output_of(serve.group, *arguments)


def test_a_model_and_indexes_are_served_by_their_folders(
    calls: list[Any], path: str, tmp_path: Path
) -> None:
    other = str(IndexFolder.create(tmp_path / "other").path)
    output = run(str(tiny_embedder(tmp_path / "tiny")), "--index", path, "--index", other, "--no-block")
    assert [(index.name, index.path) for index in calls[0].indexes] == [("docs", path), ("other", other)]
    assert "serving tiny, the index docs, the index other at" in output
    assert "try it in a browser: http://127.0.0.1:8000/" in output
    assert f"curl {URL}/embeddings" in output
    assert f"curl {URL}/search" in output
    assert '-d \'{"index": "docs", "query": "What does yield do?"}\'' in output


def test_an_index_alone_is_enough(calls: list[Any], path: str) -> None:
    told = json.loads(run("--index", path, "--no-block", "--json"))
    assert (told["models"], told["indexes"], told["playground"]) == ([], ["docs"], True)
    assert "openai" not in run("--index", path, "--no-block")
    with pytest.raises(InputError, match="nothing to serve"):
        run("--port", "9000")
    with pytest.raises(InputError, match="is no folder"):
        run("--index", f"{path}/none", "--no-block")


def test_an_index_is_scaled_by_its_name(calls: list[Any]) -> None:
    run("scale", "docs", "1-3", "--index")
    run("scale", "docs", "2")
    assert calls == [("docs", Replicas(min=1, max=3), True), ("docs", Replicas(min=2, max=2), False)]


def test_status_shows_versions_rows_and_trouble(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    about = {
        "path": "/indexes/docs",
        "version": "22-a",
        "rows": 16000,
        "model": "models:/docs/3",
        "since": 0,
        "versions": {"22-a": 1, "11-a": 2},
        "trouble": {"version": "33-a", "since": 60, "reason": "InputError: gone"},
    }
    silent = {**dict.fromkeys(about), "path": "/indexes/other", "versions": {}}
    now = gateway.Status("RUNNING", URL, "", {}, indexes={"docs": about, "other": silent})
    monkeypatch.setattr(gateway, "status", lambda: now)
    assert run("status").splitlines() == [
        f"RUNNING {URL}",
        "index docs: version 22-a since 1970-01-01 00:00:00Z, 16,000 rows, models:/docs/3",
        "  2 replicas still at 11-a",
        "  not taken 1970-01-01 00:01:00Z: 33-a: InputError: gone",
        "index other: no replica says what it holds, /indexes/other",
    ]
    assert json.loads(run("status", "--json"))["indexes"]["docs"]["rows"] == 16000
