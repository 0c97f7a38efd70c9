"""The process of Ray Tune in which trials run, one after the other."""

from __future__ import annotations

import math
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ray import tune

from embedworks.catalog import PLUGIN_PATH
from embedworks.jobs.search.record import TrialRecord
from embedworks.jobs.search.suggest import LOOK, NUMBER, SCORE, VALUES

END_SECONDS = 120.0  # in which workers notice that a trial is given up


class Trials(Protocol):
    """What a search tries; a plain value that travels to the process in which trials run.

    Attributes:
        root: Folder of the trials, each in one of its number.
        plugins: ``EMBEDWORKS_PATH`` of the driver.
    """

    @property
    def root(self) -> Path:
        """See the class."""

    @property
    def plugins(self) -> str:
        """See the class."""

    def run(
        self,
        number: int,
        values: dict[str, Any],
        scored: Callable[[int, float], None],
        stopping: threading.Event,
    ) -> TrialRecord:
        """Run a trial, or go on with it; see :func:`embedworks.jobs.search.trial.run_trial`."""


class TrialActor(tune.Trainable):
    """Runs trials one after the other, each in a thread, and passes their scores on to Ray Tune."""

    def setup(self, config: dict[str, Any], shared: Trials) -> None:
        """Start the first trial."""
        os.environ[PLUGIN_PATH] = shared.plugins
        self.shared = shared
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Start another one."""
        self.cleanup()
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Wait for the next score."""
        event = self._events.get()
        if isinstance(event, Exception):
            raise event
        if isinstance(event, TrialRecord):
            score = math.nan if event.score is None else event.score
            return {SCORE: score, LOOK: self._looks, "status": event.status, "done": True}
        self._looks += 1
        return {SCORE: event[1], LOOK: self._looks, "done": False}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: the trial's folder holds all that it goes on from."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing, as well."""

    def cleanup(self) -> None:
        """End the trial at its next step, if it runs."""
        self._stopping.set()
        self._thread.join(END_SECONDS)

    def _begin(self, config: dict[str, Any]) -> None:
        self._looks = 0
        # Each trial has its own: one that is given up may still be writing.
        self._events: queue.Queue[TrialRecord | tuple[int, float] | Exception] = queue.Queue()
        self._stopping = threading.Event()
        arguments = (config[NUMBER], config[VALUES], self._events, self._stopping)
        self._thread = threading.Thread(
            target=self._run, args=arguments, name="embedworks-trial", daemon=True
        )
        self._thread.start()

    def _run(self, number: int, values: dict[str, Any], events: Any, stopping: threading.Event) -> None:
        def scored(step: int, value: float) -> None:
            events.put((step, value))

        try:
            events.put(self.shared.run(number, values, scored, stopping))
        except Exception as error:  # of the tracking store, or of the file system
            events.put(error)
