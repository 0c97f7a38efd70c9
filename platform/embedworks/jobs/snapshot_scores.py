"""The Ray task that makes an embedder of a snapshot and evaluates it, and the wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from embedworks.jobs.during_options import DuringOptions
from embedworks.jobs.scores import Scores, as_stored
from embedworks.training.spec import TrainSpec

WAIT_SECONDS = 0.5


class Scorer:
    """Evaluates snapshots of one run, one at a time: a second would take the stream's own CPU.

    Args:
        spec: What is trained.
        options: What is evaluated.
        corpora: Name -> folder of the corpora that the tasks are built from.
    """

    def __init__(self, spec: TrainSpec, options: DuringOptions, corpora: Mapping[str, Path]) -> None:
        import ray
        from ray import cloudpickle

        self._options = options
        self._corpora = dict(corpora)
        # Pickled here: a worker finds systems of EMBEDWORKS_PATH only once it has been told to look.
        self._spec = ray.put(cloudpickle.dumps(spec))
        resources = options.resources
        # In a trial of a search, Ray would else look for the CPU in the trial's own placement group.
        self._task = ray.remote(
            num_cpus=resources.cpus, num_gpus=resources.gpus, scheduling_strategy="DEFAULT"
        )(score_snapshot)

    def __call__(self, step: int, check: Callable[[], None]) -> Scores:
        """The scores of a step's snapshot.

        Args:
            step: Which.
            check: Called while they are awaited; what it raises cancels the task.
        """
        import ray

        future = self._task.remote(self._spec, step, self._options, self._corpora)
        try:
            while not ray.wait([future], timeout=WAIT_SECONDS)[0]:
                check()
        except BaseException:
            ray.cancel(future, force=True)
            raise
        scores: Scores = ray.get(future)
        return scores


def score_snapshot(packed: bytes, step: int, options: DuringOptions, corpora: Mapping[str, Path]) -> Scores:
    """Runs in the cluster: make the embedder, if that was not done before, and evaluate it."""
    from ray import cloudpickle

    from embedworks.catalog import system_folders
    from embedworks.evaluation.evaluate import evaluate_model
    from embedworks.training.snapshots import unpack

    system_folders()
    spec: Any = cloudpickle.loads(packed)
    embedder = unpack(spec, spec.snapshots, step)
    found = evaluate_model(embedder, options.tasks, options.pairs, corpora, options.precision)
    return as_stored(found)
