from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, TEMPORARILY_UNAVAILABLE

from embedworks.tracking.journal import Journal
from embedworks.tracking.outbox import MOST_METRICS, Outbox, is_away, same_request


class Client:
    """Keeps what it is sent, unless the server is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.lose_answers = False
        self.requests: list[tuple[str, Any]] = []

    def log_batch(
        self, run: str, metrics: Sequence = (), params: Sequence = (), tags: Sequence = ()
    ) -> None:
        if self.is_away:
            raise ConnectionError("refused")
        if any(metric.key == "bad\n" for metric in metrics):
            raise MlflowException("a bad name", error_code=INVALID_PARAMETER_VALUE)
        found = [(m.key, m.value, m.step) for m in metrics] + [(p.key, p.value) for p in (*params, *tags)]
        self.requests.append((run, found))
        if self.lose_answers:
            raise ConnectionError("lost")

    def set_terminated(self, run: str, status: str, end_time: int) -> None:
        if self.is_away:
            raise ConnectionError("refused")
        self.requests.append((run, status))


@pytest.fixture
def client() -> Client:
    return Client()


def point(step: int, run: str = "r", name: str = "loss") -> dict[str, Any]:
    return {"run": run, "metrics": [[name, 1.0, 5, step]]}


def end(run: str = "r") -> dict[str, Any]:
    return {"run": run, "end": {"status": "FINISHED", "time": 9}}


def steps(client: Client) -> list[int]:
    return [found[2] for _, request in client.requests if isinstance(request, list) for found in request]


def test_points_of_a_run_travel_together_and_everything_in_order(client):
    outbox = Outbox(client)
    for entry in (point(1), point(2), point(1, "s"), end("s"), point(3), end()):
        outbox.put(entry)
    assert outbox.flush(10) == 0
    kinds = [(run, len(what) if isinstance(what, list) else what) for run, what in client.requests]
    assert kinds == [("r", 2), ("s", 1), ("s", "FINISHED"), ("r", 1), ("r", "FINISHED")]
    assert outbox.close(1) == 0


def test_a_request_is_no_larger_than_mlflow_takes():
    many = {"run": "r", "metrics": [["x", 1.0, 1, 1]] * (MOST_METRICS // 2)}
    assert len(same_request([(many, None)] * 5)) == 2
    whole = {"run": "r", "metrics": [["x", 1.0, 1, 1]] * MOST_METRICS}
    assert len(same_request([(whole, None)] * 2)) == 1


def test_putting_never_waits_for_a_slow_server(client):
    gate = threading.Event()
    real = client.log_batch
    client.log_batch = lambda *args, **kwargs: (gate.wait(60), real(*args, **kwargs))
    outbox = Outbox(client)
    for step in range(200):
        outbox.put(point(step))
    assert client.requests == []
    gate.set()
    assert outbox.flush(30) == 0
    assert steps(client) == list(range(200))
    assert len(client.requests) < 10


def test_what_a_lost_server_missed_is_sent_once_it_is_back(client, tmp_path):
    told: list[str] = []
    outbox = Outbox(client, Journal(tmp_path, "u"), told.append)
    outbox.put(point(1))
    assert outbox.flush(10) == 0
    client.is_away = True
    for step in (2, 3):
        outbox.put(point(step))
        assert outbox.flush(10) > 0
    outbox.put(end())
    client.is_away = False
    assert outbox.flush(10) == 0
    assert steps(client) == [1, 2, 3]
    assert client.requests[-1] == ("r", "FINISHED")
    assert len(told) == 2
    assert "does not answer" in told[0]
    assert str(tmp_path) in told[0]
    assert "answers again" in told[1]
    assert outbox.close(1) == 0
    assert list(tmp_path.iterdir()) == []


def test_the_next_outbox_sends_what_the_last_one_could_not(client, tmp_path):
    first = Outbox(client, Journal(tmp_path, "u"))
    first.put(point(1))
    assert first.flush(10) == 0
    client.is_away = True
    first.put(point(2))
    first.put(end())
    assert first.close(5) == 2
    client.is_away = False
    second = Outbox(client, Journal(tmp_path, "u"))
    second.put(point(3))
    assert second.close(10) == 0
    assert steps(client) == [1, 2, 3]
    assert [what for _, what in client.requests][-2] == "FINISHED"


def test_a_request_whose_answer_was_lost_is_sent_again_with_the_same_time(client, tmp_path):
    # MLflow keeps a point once that has the same name, value, time and step.
    outbox = Outbox(client, Journal(tmp_path, "u"))
    client.lose_answers = True
    outbox.put(point(1))
    assert outbox.flush(10) == 1
    client.lose_answers = False
    assert outbox.close(10) == 0
    assert client.requests[0] == client.requests[1]


def test_only_the_entry_that_is_refused_is_lost(client):
    told: list[str] = []
    outbox = Outbox(client, tell=told.append)
    for entry in (point(1), point(2, name="bad\n"), point(3)):
        outbox.put(entry)
    assert outbox.close(10) == 0
    assert steps(client) == [1, 3]
    assert len(told) == 1
    assert "refused metrics of run r" in told[0]


def test_a_full_disk_leaves_it_to_memory(client, tmp_path):
    (tmp_path / "file").touch()  # no folder can be made there
    told: list[str] = []
    outbox = Outbox(client, Journal(tmp_path / "file", "u"), told.append)
    for step in (1, 2):
        outbox.put(point(step))
    assert outbox.close(10) == 0
    assert steps(client) == [1, 2]
    assert len(told) == 1
    assert "memory must do" in told[0]


def test_what_may_pass_and_what_may_not():
    assert is_away(MlflowException("x", error_code=TEMPORARILY_UNAVAILABLE))
    assert is_away(ConnectionError())
    assert not is_away(MlflowException("x", error_code=INVALID_PARAMETER_VALUE))
    assert not is_away(TypeError())
