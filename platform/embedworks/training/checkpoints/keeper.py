"""Saves while training goes on, keeps the newest, and finds them again."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch.distributed as dist

from embedworks.objective import Objective
from embedworks.training.checkpoints.files import (
    FOLDER,
    CheckpointError,
    Parts,
    complete_steps,
    write_part,
    write_state,
)
from embedworks.training.checkpoints.state import Snapshot, restore_snapshot, take_snapshot
from embedworks.training.ema import Average

KEPT = "kept"  # a file in a checkpoint that pruning leaves alone


class Keeper:
    """One worker's hand in the checkpoints of a run.

    State is copied at once and written by a thread, so a save costs training the copy. A save that fails
    leaves the older checkpoints as they are, is told, and the next one tries again.

    Args:
        root: Folder of the run's checkpoints, which all workers see.
        objective: What is trained.
        engines: Phase -> its engine.
        rank: This worker.
        workers: How many there are.
        keep: Newest checkpoints that stay.
        average: Of the weights, where there is one.
        tell: Receives a line about a save that failed.
    """

    def __init__(
        self,
        root: Path,
        objective: Objective,
        engines: Mapping[str, Any],
        rank: int,
        workers: int,
        *,
        keep: int = 2,
        average: Average | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.root = root
        self.objective = objective
        self.engines = engines
        self.rank = rank
        self.workers = workers
        self.keep = keep
        self._averages = average.stretches() if average else {}
        self._tell = tell
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None

    def restore(self) -> int:
        """Go on from the newest checkpoint, if there is one; returns the step to go on with. A collective.

        Raises:
            CheckpointError: if it cannot be read.
        """
        step = self._agreed(max(complete_steps(self.root), default=0))
        if step:
            parts = Parts(self.root / FOLDER.format(step))
            restore_snapshot(self.objective, self.engines, parts, self._averages)
        return step

    def save(self, step: int) -> None:
        """Take the state after ``step`` steps and let a thread write it. All workers call it."""
        self.wait()
        taken = self._take()
        self._thread = threading.Thread(
            target=self._write, args=(step, taken), name="embedworks-checkpoint"
        )
        self._thread.start()

    def wait(self) -> None:
        """Wait for a save that is under way."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def finish(self, step: int) -> None:
        """Make sure that the state after the last step is on disk.

        Raises:
            CheckpointError: if it cannot be written.
        """
        self.wait()
        if self._error is not None:
            self._write(step, self._take())
        if self._error is not None:
            raise CheckpointError(f"step {step} could not be saved: {self._error}") from self._error

    def _take(self) -> Snapshot:
        return take_snapshot(self.objective, self.engines, self.rank, self.workers, self._averages)

    def _write(self, step: int, taken: Snapshot) -> None:
        folder = self.root / FOLDER.format(step)
        try:
            if self.rank == 0:
                prune(self.root, self.keep)
            write_part(folder, taken, self.rank, self.workers)
            if self.rank == 0:
                write_state(folder, step, self.workers)
            self._error = None
        except OSError as error:
            self._error = error
            self._tell(f"step {step} could not be saved, training goes on: {error}")

    def _agreed(self, step: int) -> int:
        if self.workers == 1:
            return step
        agreed = [step]
        dist.broadcast_object_list(agreed, src=0)
        return int(agreed[0])


def prune(root: Path, keep: int) -> None:
    """Delete all but the newest complete checkpoints, those marked, and what is newer than them."""
    complete = complete_steps(root)
    newest = sorted(complete)[-keep:]
    for folder in root.glob("step-*"):
        step = int(folder.name.removeprefix("step-"))
        if newest and step < newest[-1] and step not in newest and not (folder / KEPT).exists():
            shutil.rmtree(folder, ignore_errors=True)


def mark(root: Path, step: int) -> None:
    """Keep a checkpoint whatever comes after it, instead of the one that was marked before."""
    for folder in root.glob("step-*"):
        (folder / KEPT).unlink(missing_ok=True)
    (root / FOLDER.format(step) / KEPT).touch()
