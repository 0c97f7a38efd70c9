"""The reporter of a process that is in no cluster."""

import threading

import pytest
import ray

from embedworks.serving.metrics import reporting
from embedworks.serving.metrics.meter import Meter
from embedworks.serving.metrics.reporting import Reporter


def test_outside_of_a_cluster_nothing_is_reported_and_none_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = threading.Semaphore(0)

    def is_initialized() -> bool:
        asked.release()
        return False

    monkeypatch.setattr(reporting, "EVERY_S", 0.001)
    monkeypatch.setattr(ray, "is_initialized", is_initialized)
    monkeypatch.setattr(reporting, "ledger", lambda: pytest.fail("a cluster would be started"))
    reporter = Reporter("room", Meter())
    for _ in range(3):
        assert asked.acquire(timeout=10)
    assert reporter._actor is None
