"""What a training run is told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from embedworks.catalog import PLUGIN_PATH, find_objective
from embedworks.embedder import Lineage
from embedworks.objective import Objective, Start
from embedworks.training.options import TrainingOptions
from embedworks.training.stream import StreamSpec


@dataclass(frozen=True)
class SnapshotPlan:
    """When workers leave their weights behind for an evaluation, and where.

    Attributes:
        root: Folder of the run's snapshots, which all workers and the driver see.
        every: Steps between two; the last step always leaves one.
        have: Steps that need none: an earlier try left it.
        cpus: Logical CPUs that whoever evaluates them needs beside the workers.
        gpus: And GPUs.
    """

    root: Path
    every: int
    have: frozenset[int] = frozenset()
    cpus: float = 1
    gpus: float = 0

    @property
    def stop_file(self) -> Path:
        """Its presence asks the workers to end at the next step."""
        return self.root / "stop"

    def folder(self, step: int) -> Path:
        """Where the snapshot of a step is."""
        return self.root / f"step-{step:08d}"

    def embedder(self, step: int) -> Path:
        """Where the embedder that was made from it is."""
        return self.folder(step) / "embedder"

    def is_due(self, done: int, steps: int) -> bool:
        """Whether ``done`` of ``steps`` steps are to leave a snapshot."""
        return done > 0 and done not in self.have and (done % self.every == 0 or done == steps)


@dataclass(frozen=True)
class TrainSpec:
    """All that a worker needs to know.

    Attributes:
        system: The objective's name, as in a job.
        config: Its configuration, as plain data.
        start: Where training starts from.
        stream: What every step receives.
        options: How it is minimised.
        output: The stage's folder; the embedder is written to ``output/embedder``.
        checkpoints: Folder of the run's checkpoints.
        lineage: What the embedder will say of its origin.
        path: ``EMBEDWORKS_PATH`` of the driver, so that workers find the same systems.
        snapshots: When the embedder is looked at on the way; whoever looks also makes the final one.
        beside: Trainings that may share the cores of this one's nodes at the same time, itself among them.
    """

    system: str
    config: dict[str, Any]
    start: Start
    stream: StreamSpec
    options: TrainingOptions
    output: Path
    checkpoints: Path
    lineage: Lineage
    path: str = ""
    snapshots: SnapshotPlan | None = None
    beside: int = 1

    @property
    def embedder(self) -> Path:
        """Where the finished embedder is."""
        return self.output / "embedder"

    def build(self) -> Objective:
        """A new objective at its start; the same on every worker."""
        os.environ[PLUGIN_PATH] = self.path
        cls = find_objective(self.system)
        torch.manual_seed(self.start.seed)
        return cls(cls.Config.model_validate(self.config), self.start)
