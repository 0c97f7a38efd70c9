"""Merges that are tried: each into a scratch folder, scored by the goal, remembered and tracked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedworks.corpora.corpus import open_corpus
from embedworks.folder import weights_digest
from embedworks.jobs.context import Context
from embedworks.jobs.merging.goal import Goal
from embedworks.jobs.schema import MergeStage
from embedworks.jobs.scores import named_numbers
from embedworks.jobs.search.record import TRIALS, TrialRecord, load_record
from embedworks.jobs.search.trial import last_line
from embedworks.jobs.state import StageState, fingerprint
from embedworks.merging.merge import merge
from embedworks.merging.recipe import Recipe
from embedworks.tracking.tracker import Tracker

SCORE = "goal"  # the metric of a try


@dataclass(frozen=True)
class Attempts:
    """All that tries of a stage have in common.

    Attributes:
        root: Folder of the tries, each in one of its number.
        folders: Name of a model -> its folder.
        statistics: Name of a model -> what was measured on it.
        goal: What they are scored by.
        seed: Of the merges.
        mark: Digest of all that a score depends on beside the recipe's searched values.
        uri: MLflow's address.
        experiment: MLflow experiment.
        run_id: The stage's MLflow run.
    """

    root: Path
    folders: Mapping[str, Path]
    statistics: Mapping[str, Path]
    goal: Goal
    seed: int
    mark: str
    uri: str
    experiment: str
    run_id: str

    def score(self, number: int, values: Mapping[str, Any], recipe: Recipe) -> TrialRecord:
        """Merge and score, as a child run; a try of an earlier run that is done is not repeated.

        A merge that fails does not raise: its record says why.
        """
        folder = self.root / str(number)
        record = TrialRecord(number=number, values=dict(values), mark=self.mark)
        old = load_record(folder)
        if old and (old.mark, old.values) == (record.mark, record.values):
            if old.status == "done":
                return old
            record.run_id = old.run_id
        tracker = Tracker(self.uri, self.experiment)
        record.run_id = tracker.start(f"try-{number}", values, self.run_id, record.run_id or None)
        record.save(folder)
        try:
            record.score, record.scores = self._elsewhere(recipe, folder / "scratch")
            record.status = "done"
            numbers = {SCORE: record.score, **named_numbers(record.scores, "merged")}
            tracker.metrics(record.run_id, numbers)
        except Exception as error:
            record.status, record.error = "failed", last_line(error)
        record.save(folder)
        tracker.end(record.run_id, "FINISHED" if record.status == "done" else "FAILED")
        tracker.close()
        return record

    def _elsewhere(self, recipe: Recipe, scratch: Path) -> tuple[float, list[dict[str, Any]]]:
        import ray

        remote = ray.remote(num_cpus=1, scheduling_strategy="DEFAULT")(score_recipe)
        found: tuple[float, list[dict[str, Any]]] = ray.get(remote.remote(self, recipe, scratch))
        return found


def score_recipe(attempts: Attempts, recipe: Recipe, scratch: Path) -> tuple[float, list[dict[str, Any]]]:
    """Merge into a scratch folder, score the embedder there, and delete it."""
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        merged = merge(
            recipe,
            attempts.folders.__getitem__,
            scratch,
            seed=attempts.seed,
            statistics=attempts.statistics,
        )
        return attempts.goal.score(merged.folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def attempts_of(
    context: Context,
    stage: MergeStage,
    state: StageState,
    goal: Goal,
    folders: Mapping[str, Path],
    statistics: Mapping[str, Path],
) -> Attempts:
    """The tries of a stage. How many there will be, and how they are chosen, is no part of their mark."""
    block = stage.model_dump(mode="json", by_alias=True, include={"method", "models", "base", "parameters"})
    digests = {name: weights_digest(folder) for name, folder in folders.items()}
    measured = sorted(file.name for file in statistics.values())
    on = goal.probe.digest if goal.probe else {k: open_corpus(v).digest for k, v in goal.corpora.items()}
    goal_block = stage.goal.model_dump(mode="json") if stage.goal else None
    return Attempts(
        root=context.folder(stage) / TRIALS,
        folders=folders,
        statistics=statistics,
        goal=goal,
        seed=context.job.seed,
        mark=fingerprint(
            block, stage.dtype, stage.tokenizer, digests, measured, goal_block, on, context.job.seed
        ),
        uri=context.tracker.uri,
        experiment=context.job.tracking.experiment or context.job.name,
        run_id=state.run_id,
    )
