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
