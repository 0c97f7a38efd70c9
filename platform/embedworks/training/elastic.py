"""Ray Train's decisions with what we know beside it: where checkpoints are, and that the stream needs room.

Ray Train has no public place for policies; this is the one file that reaches into it, and
tests/integration/test_faults.py runs all of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray._private.ray_constants import DASHBOARD_ADDRESS, KV_NAMESPACE_DASHBOARD
from ray.experimental.internal_kv import _internal_kv_get
from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2._internal.constants import ENABLE_PREEMPTION_WATCHER_ENV_VAR
from ray.train.v2._internal.execution.callback import WorkerCallback
from ray.train.v2._internal.execution.failure_handling import DefaultFailurePolicy, FailureDecision
from ray.train.v2._internal.execution.scaling_policy import (
    ElasticScalingPolicy,
    NoopDecision,
    ScalingDecision,
)

from embedworks.training.checkpoints.files import complete_steps

SAVE_SECONDS = 120.0  # for the save before a resize
STREAM_CPUS = 1  # one logical CPU beyond the workers, or the stream's own tasks would wait for ever


class Trainer(TorchTrainer):
    """A :class:`TorchTrainer` that resizes and restarts by our policies.

    Args:
        board: The :class:`.Board` actor.
        checkpoints: Folder of the run's checkpoints.
        spare: CPUs that stay free for the stream and for evaluations.
        options: Those of :class:`TorchTrainer`.
    """

    def __init__(self, *args: Any, board: Any, checkpoints: Path, spare: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._spare = spare
        self._board = board
        self._checkpoints = checkpoints

    def _create_default_callbacks(self) -> list[Any]:
        """Without the one that removes what a killed controller reserved, where it is of no use.

        It watches the controller through the dashboard; where nobody answers, it can only wait, 12 seconds
        at the end of every run. A node that ends with the driver keeps nothing reserved.
        """
        callbacks: list[Any] = super()._create_default_callbacks()
        has_dashboard = _internal_kv_get(DASHBOARD_ADDRESS, namespace=KV_NAMESPACE_DASHBOARD)
        if has_dashboard and not ends_with_driver():
            return callbacks
        return [one for one in callbacks if not isinstance(one, PlacementGroupCleanerCallback)]

    def _initialize_and_run_controller(self, **parts: Any) -> Any:
        if self.scaling_config.elasticity_enabled:
            parts["scaling_policy"] = SavingScalingPolicy(
                self.scaling_config, self._board, self._checkpoints, self._spare
            )
        parts["failure_policy"] = ProgressFailurePolicy(self.run_config.failure_config, self._checkpoints)
        with watched(not ends_with_driver()):
            return super()._initialize_and_run_controller(**parts)


class SavingScalingPolicy(ElasticScalingPolicy):
    """Leaves room for the stream, and lets workers save before they are restarted in another number.

    Args:
        config: Ray Train's.
        board: The :class:`.Board` actor.
        checkpoints: Folder of the run's checkpoints.
        spare: CPUs that stay free.
    """

    def __init__(self, config: Any, board: Any, checkpoints: Path, spare: float = STREAM_CPUS) -> None:
        super().__init__(config)
        self._spare = spare
        self._board = board
        self._checkpoints = checkpoints
        self._waits: tuple[ScalingDecision, int, float] | None = None

    def make_decision_for_non_running_worker_group(self) -> ScalingDecision:
        """Start with as many as there is room for."""
        self._waits = None
        decision: ScalingDecision = super().make_decision_for_non_running_worker_group()
        return decision

    def make_decision_for_running_worker_group(self, *args: Any, **named: Any) -> ScalingDecision:
        """Ask for a save, and resize when there is one."""
        if self._waits is not None:
            decision, step, deadline = self._waits
            if self._newest() == step and time.monotonic() < deadline:
                return NoopDecision()
            self._waits = None
            return decision
        decision = super().make_decision_for_running_worker_group(*args, **named)
        if isinstance(decision, NoopDecision):
            return decision
        self._waits = decision, self._newest(), time.monotonic() + SAVE_SECONDS
        self._board.request.remote()
        self._board.note.remote(f"room for {decision.num_workers} workers: saving, then going on with them")
        return NoopDecision()

    def _count_possible_workers(self, reserved: Any) -> int:
        """Ray Train's number on nodes that stay: those that go or are gone are reserved for a while yet."""
        nodes = staying_nodes()
        on_them = {node: resources for node, resources in reserved.items() if node in nodes}
        possible = int(super()._count_possible_workers(on_them))
        cpus = self.scaling_config._resources_per_worker_not_none.get("CPU", 0)
        if not cpus:
            return possible
        have = sum(resources.get("CPU", 0.0) for resources in nodes.values())
        return min(possible, int(max(0.0, have - self._spare) // cpus))

    def _newest(self) -> int:
        return max(complete_steps(self._checkpoints), default=0)


@contextlib.contextmanager
def watched(wanted: bool) -> Iterator[None]:
    """With or without Ray Train's watcher of nodes that are taken away: one process less at every start.

    What the user set in the environment stays.
    """
    name = ENABLE_PREEMPTION_WATCHER_ENV_VAR
    if wanted or name in os.environ:
        yield
        return
    os.environ[name] = "0"
    try:
        yield
    finally:
        del os.environ[name]


def ends_with_driver() -> bool:
    """Whether all there is of the cluster is the node that this process started, and takes along."""
    own = ray._private.worker._global_node
    return own is not None and own.is_head() and len(ray.nodes()) == 1


def staying_nodes() -> dict[str, dict[str, float]]:
    """Node -> its resources, of those that live and are not about to be taken away."""
    leaving = ray._private.state.state.get_draining_nodes()
    return {
        node["NodeID"]: node["Resources"]
        for node in ray.nodes()
        if node["Alive"] and node["NodeID"] not in leaving
    }


class ProgressFailurePolicy(DefaultFailurePolicy):
    """Counts failures in a row: a new checkpoint means that a restart helped.

    Args:
        config: Ray Train's, with ``max_failures``.
        checkpoints: Folder of the run's checkpoints.
    """

    def __init__(self, config: Any, checkpoints: Path) -> None:
        super().__init__(config)
        self._checkpoints = checkpoints
        self._newest = max(complete_steps(checkpoints), default=0)

    def make_decision(self, training_failed_error: Any) -> FailureDecision:
        """Retry, or give up."""
        newest = max(complete_steps(self._checkpoints), default=0)
        if newest > self._newest:
            self._newest, self._worker_group_failures = newest, 0
        return super().make_decision(training_failed_error)


class NoticeSigterm(WorkerCallback):
    """Lets a worker save at SIGTERM and go on; whoever sent it ends the process when its time is up.

    Ray's own handler would end it at once. Handlers are the main thread's, where Ray Train calls this;
    training runs in another.
    """

    def after_init_train_context(self) -> None:
        """Install the handler."""
        from embedworks.training.watchdog import TERMINATED

        signal.signal(signal.SIGTERM, lambda *_: TERMINATED.set())
