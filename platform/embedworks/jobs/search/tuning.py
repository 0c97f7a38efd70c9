"""Trials under Ray Tune: of a job's stages, or of a merge."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import TrialScheduler

from embedworks.jobs.search.actor import TrialActor, Trials
from embedworks.jobs.search.options import SpaceOptions
from embedworks.jobs.search.record import load_record
from embedworks.jobs.search.suggest import NUMBER, Suggestions, count_trials
from embedworks.jobs.search.trial import last_line

SETTINGS = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow has it all
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C ends a job, not a search alone
    "RAY_AIR_NEW_OUTPUT": "0",  # and the reporter tells it
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}


def run_trials(
    shared: Trials,
    options: SpaceOptions,
    suggestions: Suggestions,
    scheduler: TrialScheduler | None,
    note: Callable[[str], None],
) -> None:
    """Let Ray Tune run the trials. Nothing is kept of its own state: their records are enough.

    Args:
        shared: What is tried.
        options: How many trials there are, and how many at a time.
        suggestions: Their values.
        scheduler: What may end a trial early, if anything.
        note: Is told how each trial ended.
    """
    os.environ.update(SETTINGS)
    for name in ("ray.tune", "ray.air"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # failed trials are told here
    shutil.rmtree(shared.root / ".tune", ignore_errors=True)
    tuner = tune.Tuner(
        tune.with_resources(
            tune.with_parameters(TrialActor, shared=shared),
            # A trial only waits for what it starts, beside the driver and its files.
            tune.PlacementGroupFactory([{f"node:{ray.util.get_node_ip_address()}": 0.001}]),
        ),
        tune_config=tune.TuneConfig(
            search_alg=suggestions,
            scheduler=scheduler,
            num_samples=count_trials(options),
            max_concurrent_trials=options.parallel,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=".tune",
            storage_path=str(shared.root),
            verbose=0,
            callbacks=[Teller(shared.root, note)],
            failure_config=tune.FailureConfig(max_failures=1),  # a process that dies; it goes on
        ),
    )
    tuner.fit()


class Teller(tune.Callback):
    """Tells of trials as they end."""

    def __init__(self, root: Path, note: Callable[[str], None]) -> None:
        self.root, self.note = root, note

    def __reduce__(self) -> tuple[Any, ...]:
        """Tune writes its callbacks to disk, where a terminal has no place."""
        return (tune.Callback, ())

    def on_trial_complete(self, *_: Any, trial: Any, **__: Any) -> None:
        """A trial was done, failed, or was given up by the scheduler."""
        record = load_record(self.root / str(trial.config[NUMBER]))
        if record and record.status == "running":
            record.status = "stopped"
        if record:
            self.note(f"  {record.in_words()}")

    def on_trial_error(self, *_: Any, trial: Any, **__: Any) -> None:
        """A trial's process failed for good."""
        why = last_line(trial.get_error() or RuntimeError("its process ended"))
        self.note(f"  trial {trial.config[NUMBER]} failed: {why}")
