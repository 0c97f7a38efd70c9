"""A real tracking server: it dies while a job logs, and its models are far away."""

from __future__ import annotations

import mlflow
import pytest

from embedworks.folder import weights_digest
from embedworks.tracking import downloads
from embedworks.tracking import tracker as module
from embedworks.tracking.registry import model_folder, register
from embedworks.tracking.tracker import Tracker
from helpers.mlflow_server import MlflowServer


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    one = MlflowServer(tmp_path_factory.mktemp("server"))
    one.start()
    yield one
    one.kill()


def test_a_dead_server_costs_no_point_and_the_next_tracker_brings_them(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(module, "FLUSH_SECONDS", 60.0)
    told: list[str] = []
    tracker = Tracker(server.uri, "lost", tmp_path, told.append)
    run = tracker.start("stage", {"batch": 3})
    tracker.metrics(run, {"loss": 3.0}, 1)
    server.kill()
    for step in (2, 3):
        tracker.metrics(run, {"loss": 3.0 / step, "speed/mfu": 0.5}, step)
    tracker.end(run)
    assert tracker.close() > 0
    assert "does not answer" in told[0]

    server.start()
    again = Tracker(server.uri, "lost", tmp_path)  # sends what is left
    client = mlflow.MlflowClient(server.uri)
    found = client.get_run(run)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"batch": "3"}
    assert [(p.step, p.value) for p in client.get_metric_history(run, "loss")] == [
        (1, 3.0),
        (2, 1.5),
        (3, 1.0),
    ]
    assert again.start("stage", {}, run_id=run) == run
    assert client.get_run(run).info.status == "RUNNING"
    assert again.close() == 0
    assert list(tmp_path.iterdir()) == []

    # A point whose answer was lost is sent again; the server keeps it once.
    twice = {"run": run, "metrics": [["loss", 0.5, 7, 4], ["nan", float("nan"), 7, 4]]}
    repeated = Tracker(server.uri, "lost")
    for _ in range(2):
        repeated._outbox.put(twice)
        assert repeated._outbox.flush(60) == 0
    assert sorted(p.step for p in client.get_metric_history(run, "loss")) == [1, 2, 3, 4]
    assert len(client.get_metric_history(run, "nan")) == 1


def test_a_call_whose_answer_is_needed_waits_for_the_server(server, monkeypatch):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    told: list[str] = []
    tracker = Tracker(server.uri, "patient", tell=told.append)
    answers = iter([ConnectionError("refused"), ConnectionError("refused")])

    def call() -> str:
        if error := next(answers, None):
            raise error
        return tracker.start("stage", {})

    assert len(tracker.patiently(call)) == 32
    assert [line for line in told if "waiting for MLflow" in line] == [
        f"  waiting for MLflow at {server.uri}: refused"
    ]
    monkeypatch.setattr(module, "PATIENCE_SECONDS", -1.0)
    with pytest.raises(ConnectionError):
        tracker.patiently(lambda: (_ for _ in ()).throw(ConnectionError("refused")))


def test_a_model_of_a_server_is_fetched_once(server, tmp_path, monkeypatch, tiny_folder):
    cache = tmp_path / "models"
    monkeypatch.setenv(downloads.CACHE, str(cache))
    tracker = Tracker(server.uri, "far")
    run = tracker.start("stage", {})
    models = [tracker.log_embedder(run, tiny_folder, "tiny", {}) for _ in range(2)]
    for model in models:
        register(tracker.client, model, run, "far", "champion", {})
    first = model_folder("models:/far/1", server.uri)
    assert cache in first.parents
    assert weights_digest(first) == weights_digest(tiny_folder)
    written = (first / "model.safetensors").stat().st_ino
    assert model_folder("models:/far/1", server.uri) == first
    assert (first / "model.safetensors").stat().st_ino == written, "it was there"
    second = model_folder("models:/far@champion", server.uri)
    assert sorted(each.name for each in cache.iterdir()) == sorted(models), "and nothing half-way"
    assert weights_digest(second) == weights_digest(tiny_folder)
    tracker.close()
