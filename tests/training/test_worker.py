from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
import ray.train

from embedworks.training.worker import share_of_cores


@pytest.mark.parametrize(("cores", "workers", "expected"), [(8, 1, 8), (8, 2, 4), (8, 3, 2), (2, 4, 1)])
def test_the_workers_of_a_node_share_its_cores(monkeypatch, cores, workers, expected):
    context = SimpleNamespace(get_local_world_size=lambda: workers)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(ray.train, "get_context", lambda: context)
    assert share_of_cores() == expected
