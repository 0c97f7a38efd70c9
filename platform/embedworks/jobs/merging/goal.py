"""By which merges are compared: tasks, or the contrastive loss on a probe."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedworks.embedder import Pair
from embedworks.evaluation.find import find_task
from embedworks.jobs.context import Context
from embedworks.jobs.probes import make_probe
from embedworks.jobs.schema import MergeStage
from embedworks.jobs.scores import full_size_score
from embedworks.jobs.section import Precision
from embedworks.merging.statistics.probe import Probe, probe_loss

PROBE = "probe"


@dataclass(frozen=True)
class Goal:
    """A goal whose corpora are folders, so that it can be computed anywhere.

    Attributes:
        tasks: Names of tasks; none: the probe's loss.
        metric: The task that decides, or ``mean``.
        pairs: (layers, dimensions) to read an embedder at; None: its full size.
        corpora: Folder of each corpus that the tasks need.
        precision: Of the evaluation.
        probe: Where there are no tasks.
    """

    tasks: tuple[str, ...] = ()
    metric: str = "mean"
    pairs: tuple[Pair, ...] | None = None
    corpora: dict[str, Path] = field(default_factory=dict)
    precision: Precision = "fp32"
    probe: Probe | None = None

    def score(self, folder: Path) -> tuple[float, list[dict[str, Any]]]:
        """How good an embedder is, more being better, and the scores that this was computed from."""
        if self.probe is not None:
            return -probe_loss(folder, self.probe), []
        from embedworks.evaluation.evaluate import evaluate_model

        found = evaluate_model(folder, self.tasks, self.pairs, self.corpora, self.precision)
        scores = [dataclasses.asdict(score) for score in found]
        return full_size_score(scores, self.metric), scores


def goal_of(context: Context, stage: MergeStage) -> Goal:
    """The goal of a stage; corpora that its tasks need are built."""
    options = stage.goal
    assert options is not None, "the stage was checked"
    if options.probe:
        return Goal(probe=make_probe(context, stage.probe or (), stage.measure))
    needed = sorted({name for task in options.tasks for name in find_task(task).corpora})
    corpora = {name: context.corpus(options.corpora.get(name, name)) for name in needed}
    return Goal(options.tasks, options.metric, options.pairs, corpora, options.precision)
