"""The evaluations of one training run: what they gave, which is best, and whether training is over.

The verdict depends on the scores alone. Evaluation runs beside training, so the workers may be some way
on when patience runs out; whatever they did beyond that point does not count.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from embedworks.corpora.atomic import new_file
from embedworks.jobs.during_options import DuringOptions

FILE = "evaluations.json"


class Evaluation(BaseModel):
    """One look at the embedder.

    Attributes:
        step: Steps that were done.
        value: The metric that decides.
        scores: All scores, as an evaluate stage gives them.
    """

    step: int
    value: float
    scores: list[dict[str, Any]]


class Verdict(BaseModel):
    """What the evaluations so far say.

    Attributes:
        best: Index of the best evaluation, the earliest among equals; None before the first.
        waited: Evaluations since then.
        last: Index of the evaluation at which patience ran out, or None.
    """

    best: int | None = None
    waited: int = 0
    last: int | None = None


class Evaluations(BaseModel):
    """The evaluations of a run by step, in the order of steps; kept in a file."""

    done: list[Evaluation] = Field(default_factory=list)

    @property
    def newest(self) -> int:
        """The newest step that was evaluated; 0 before the first."""
        return self.done[-1].step if self.done else 0

    def verdict(self, options: DuringOptions) -> Verdict:
        """Which is best, and whether patience ran out."""
        best, top = None, -math.inf
        for index, one in enumerate(self.done):
            if best is None or one.value > top:
                best, top = index, -math.inf if math.isnan(one.value) else one.value
            waited = index - best
            if options.patience and waited >= options.patience and one.step >= options.minimum_steps:
                return Verdict(best=best, waited=waited, last=index)
        return Verdict(best=best, waited=len(self.done) - 1 - best if best is not None else 0)

    def chosen(self, options: DuringOptions) -> Evaluation:
        """The evaluation whose embedder is the stage's if training is over; there must be one."""
        verdict = self.verdict(options)
        index = verdict.best if options.keep == "best" else verdict.last
        return self.done[-1 if index is None else index]

    def is_over(self, options: DuringOptions, steps: int) -> bool:
        """Whether nothing is left to train or to evaluate."""
        return self.newest >= steps or self.verdict(options).last is not None

    def save(self, folder: Path) -> None:
        """Write them, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        with new_file(folder / FILE) as partial:
            partial.write_text(self.model_dump_json(indent=2), encoding="utf-8")


def load_evaluations(folder: Path) -> Evaluations:
    """The evaluations in a folder; none where there is no file."""
    try:
        return Evaluations.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return Evaluations()
