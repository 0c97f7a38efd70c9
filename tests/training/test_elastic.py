"""Resizes wait for a save, leave the stream its room, and failures are counted from the last checkpoint."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
import ray.train
from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2._internal.constants import ENABLE_PREEMPTION_WATCHER_ENV_VAR
from ray.train.v2._internal.execution.failure_handling import FailureDecision
from ray.train.v2._internal.execution.scaling_policy import (
    ElasticScalingPolicy,
    NoopDecision,
    ResizeDecision,
)
from ray.train.v2.api.exceptions import WorkerGroupError

from embedworks.training import elastic
from embedworks.training.checkpoints.files import FOLDER, STATE
from embedworks.training.elastic import ProgressFailurePolicy, SavingScalingPolicy, Trainer
from embedworks.training.lookout import Sign
from helpers.local_board import LocalBoard

RESIZE = ResizeDecision(num_workers=3, resources_per_worker={"CPU": 1})
CONFIG: dict[str, Any] = {"num_workers": (1, 8), "resources_per_worker": {"CPU": 1}}


def save(root: Path, step: int) -> None:
    """A checkpoint of no parts, which counts as complete."""
    folder = root / FOLDER.format(step)
    folder.mkdir()
    (folder / STATE).write_text(json.dumps({"step": step, "workers": 0}))


@pytest.fixture
def board() -> LocalBoard:
    return LocalBoard()


@pytest.fixture
def policy(board, tmp_path, monkeypatch) -> SavingScalingPolicy:
    monkeypatch.setattr(
        ElasticScalingPolicy, "make_decision_for_running_worker_group", lambda *_, **__: RESIZE
    )
    return SavingScalingPolicy(ray.train.ScalingConfig(**CONFIG), board, tmp_path)


def test_a_resize_waits_for_a_save(policy, board, tmp_path):
    save(tmp_path, 4)
    assert isinstance(policy.make_decision_for_running_worker_group(), NoopDecision)
    assert board.lookout.sign(Sign(0, 5, "waiting for data")).saves == 1
    assert "room for 3 workers" in board.lookout.take_notes()[0].text
    assert isinstance(policy.make_decision_for_running_worker_group(), NoopDecision)
    save(tmp_path, 6)
    assert policy.make_decision_for_running_worker_group() is RESIZE
    assert board.lookout.sign(Sign(0, 5, "waiting for data")).saves == 1, "asked once"


def test_a_resize_does_not_wait_for_ever(policy, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(elastic.time, "monotonic", lambda: now[0])
    assert isinstance(policy.make_decision_for_running_worker_group(), NoopDecision)
    now[0] = elastic.SAVE_SECONDS + 1
    assert policy.make_decision_for_running_worker_group() is RESIZE


@pytest.mark.parametrize(
    ("lost", "drained", "spare", "expected"),
    [((), (), 1, 6), ((), (), 0, 5), (("a",), (), 0, 1), ((), ("b",), 0, 3), (("a",), ("b",), 0, 0)],
)
def test_the_stream_keeps_a_cpu_and_nodes_that_leave_do_not_count(
    policy, monkeypatch, lost, drained, spare, expected
):
    cpus = {"a": 4.0, "b": 2.0, "spare": float(spare)}
    nodes = [{"NodeID": n, "Alive": n not in lost, "Resources": {"CPU": c}} for n, c in cpus.items()]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    state = ray._private.state.state
    monkeypatch.setattr(state, "get_draining_nodes", lambda: dict.fromkeys(drained, 0))
    assert policy._count_possible_workers({n: {"CPU": cpus[n]} for n in ("a", "b")}) == expected


def test_failures_count_from_the_last_checkpoint(tmp_path):
    policy = ProgressFailurePolicy(ray.train.FailureConfig(max_failures=1), tmp_path)
    error = WorkerGroupError("killed", {0: RuntimeError("killed")})
    assert policy.make_decision(error) is FailureDecision.RETRY
    save(tmp_path, 2)
    assert policy.make_decision(error) is FailureDecision.RETRY
    assert policy.make_decision(error) is FailureDecision.RAISE


@pytest.mark.parametrize(
    ("address", "own", "stays"),
    [(b"127.0.0.1:8265", False, True), (b"127.0.0.1:8265", True, False), (None, False, False)],
    ids=["cluster", "own node", "no dashboard"],
)
def test_the_cleaner_is_left_out_where_it_is_of_no_use(monkeypatch, tmp_path, address, own, stays):
    other, cleaner = object(), PlacementGroupCleanerCallback()
    monkeypatch.setattr(TorchTrainer, "_create_default_callbacks", lambda _: [other, cleaner])
    monkeypatch.setattr(elastic, "_internal_kv_get", lambda *_, **__: address)
    monkeypatch.setattr(elastic, "ends_with_driver", lambda: own)
    trainer = Trainer(lambda: None, board=None, checkpoints=tmp_path, spare=1)
    assert trainer._create_default_callbacks() == ([other, cleaner] if stays else [other])


@pytest.mark.parametrize(
    ("is_head", "nodes", "ends"), [(True, 1, True), (True, 2, False), (False, 1, False), (None, 1, False)]
)
def test_a_cluster_ends_with_the_driver_that_started_all_of_it(monkeypatch, is_head, nodes, ends):
    node = None if is_head is None else SimpleNamespace(is_head=lambda: is_head)
    monkeypatch.setattr(ray._private.worker, "_global_node", node)
    monkeypatch.setattr(ray, "nodes", lambda: [{}] * nodes)
    assert elastic.ends_with_driver() is ends


@pytest.mark.parametrize(
    ("wanted", "before", "within"), [(True, None, None), (False, None, "0"), (False, "1", "1")]
)
def test_a_node_of_ones_own_is_not_watched(monkeypatch, wanted, before, within):
    name = ENABLE_PREEMPTION_WATCHER_ENV_VAR
    monkeypatch.delenv(name, raising=False)
    if before:
        monkeypatch.setenv(name, before)
    with elastic.watched(wanted):
        assert os.environ.get(name) == within
    assert os.environ.get(name) == before
