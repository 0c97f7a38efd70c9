"""Weights left behind while training goes on, for whoever wants to look at the embedder of that step.

    step-00000200/weights.safetensors    every parameter of the objective, whole, float32
    stop                                 its presence asks the workers to end at the next step

Workers copy the weights and go on; a thread of rank 0 writes the file, which appears when it is complete.
Nothing is built from it here: building an embedder would draw from the random state that training uses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from embedworks.corpora.atomic import new_file
from embedworks.training.export import save_embedder
from embedworks.training.spec import SnapshotPlan, TrainSpec

WEIGHTS = "weights.safetensors"


class Snapshots:
    """One worker's hand in the snapshots of a run; without a plan it does nothing.

    Args:
        plan: When they are taken.
        weights: Gives every parameter of the objective, whole, as copies; a collective.
        rank: This worker.
        steps: Of the whole stage.
    """

    def __init__(
        self,
        plan: SnapshotPlan | None,
        weights: Callable[[], Mapping[str, Tensor]],
        rank: int,
        steps: int,
    ) -> None:
        self.plan = plan
        self.weights = weights
        self.rank = rank
        self.steps = steps
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None

    def take(self, done: int) -> None:
        """Copy the weights after ``done`` steps if it is time. All workers call it."""
        if not self.is_due(done):
            return
        self.wait()
        weights = self.weights()
        if self.rank == 0:
            assert self.plan is not None
            self._thread = threading.Thread(
                target=self._write, args=(self.plan.folder(done), weights), name="embedworks-snapshot"
            )
            self._thread.start()

    def is_due(self, done: int) -> bool:
        """Whether the weights after ``done`` steps are wanted."""
        return self.plan is not None and self.plan.is_due(done, self.steps)

    def should_finish(self) -> bool:
        """Whether somebody has seen enough; the first worker alone looks."""
        return self.rank == 0 and self.plan is not None and self.plan.stop_file.exists()

    def wait(self) -> None:
        """Wait for a snapshot that is being written."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def finish(self) -> None:
        """Wait for the last snapshot, from which the stage's embedder may be made.

        Raises:
            OSError: if it could not be written.
        """
        self.wait()
        if self._error is not None:
            raise self._error

    def _write(self, folder: Path, weights: Mapping[str, Tensor]) -> None:
        try:
            write_weights(folder, weights)
            self._error = None
        except OSError as error:  # an evaluation less, unless it is the last one
            self._error = error


def write_weights(folder: Path, weights: Mapping[str, Tensor]) -> None:
    """Write a snapshot, durably.

    Raises:
        OSError: if it cannot be written; nothing is left behind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    packed = {name: tensor.contiguous() for name, tensor in weights.items()}
    with new_file(folder / WEIGHTS) as partial:
        try:
            save_file(packed, partial)
        except SafetensorError as error:  # its way to say that the disk is full
            raise OSError(str(error)) from error


def written(root: Path) -> dict[int, Path]:
    """Step -> folder of every snapshot whose weights are there, oldest first."""
    folders = sorted(file.parent for file in root.glob(f"step-*/{WEIGHTS}"))
    return {int(folder.name.removeprefix("step-")): folder for folder in folders}


def unpack(spec: TrainSpec, plan: SnapshotPlan, step: int) -> Path:
    """Turn a snapshot into an embedder folder beside its weights, unless that was done before."""
    embedder = plan.embedder(step)
    if not embedder.is_dir():
        save_embedder(spec, load_file(plan.folder(step) / WEIGHTS), embedder)
    return embedder
