"""The Ray task that makes an embedder of a snapshot and evaluates it, and the wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedworks.embedder import Pair
from embedworks.evaluation.evaluate import Score, evaluate_model
from embedworks.folder import load_embedder
from embedworks.jobs.during_options import DuringOptions
from embedworks.jobs.scores import Scores, as_stored
from embedworks.merging.statistics.probe import Probe, probe_loss
from embedworks.training.spec import TrainSpec

WAIT_SECONDS = 0.5
HELD_OUT = "held-out"  # stands where a task's name does


class Scorer:
    """Evaluates snapshots of one run, one at a time: a second would take the stream's own CPU.

    Args:
        spec: What is trained.
        options: What is evaluated.
        corpora: Name -> folder of the corpora that the tasks are built from.
        probe: Held-out pairs, in place of tasks.
    """

    def __init__(
        self,
        spec: TrainSpec,
        options: DuringOptions,
        corpora: Mapping[str, Path],
        probe: Probe | None = None,
    ) -> None:
        import ray
        from ray import cloudpickle

        self._options = options
        self._corpora = dict(corpora)
        self._probe = probe
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

        future = self._task.remote(self._spec, step, self._options, self._corpora, self._probe)
        try:
            while not ray.wait([future], timeout=WAIT_SECONDS)[0]:
                check()
        except BaseException:
            ray.cancel(future, force=True)
            raise
        scores: Scores = ray.get(future)
        return scores


def score_snapshot(
    packed: bytes,
    step: int,
    options: DuringOptions,
    corpora: Mapping[str, Path],
    probe: Probe | None = None,
) -> Scores:
    """Runs in the cluster: make the embedder, if that was not done before, and evaluate it."""
    from ray import cloudpickle

    from embedworks.catalog import system_folders
    from embedworks.training.snapshots import unpack

    system_folders()
    spec: Any = cloudpickle.loads(packed)
    embedder = unpack(spec, spec.snapshots, step)
    if probe is not None:
        return as_stored([held_out_score(embedder, probe, options.pairs)])
    found = evaluate_model(embedder, options.tasks, options.pairs, corpora, options.precision)
    return as_stored(found)


def held_out_score(embedder: Path, probe: Probe, pairs: Sequence[Pair] | None) -> Score:
    """The contrastive loss on held-out pairs, negated, at the largest of the pairs (layers, dimensions)."""
    begun = time.perf_counter()
    layers, dimensions = max(pairs) if pairs else load_embedder(embedder).full_pair
    loss = probe_loss(embedder, probe, layers, dimensions)
    seconds = time.perf_counter() - begun
    return Score(HELD_OUT, layers, dimensions, "negative_loss", -loss, seconds, probe.samples)
