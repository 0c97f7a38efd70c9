"""The search of a merge: its method's parameters, tried under Ray Tune, by the stage's goal."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedworks.catalog import PLUGIN_PATH
from embedworks.errors import InputError
from embedworks.jobs.merging.attempts import Attempts
from embedworks.jobs.merging.options import MergeSearch
from embedworks.jobs.merging.space import Axis, with_values
from embedworks.jobs.search.record import TrialRecord, best_of, load_records
from embedworks.merging.recipe import Recipe


@dataclass(frozen=True)
class MergeTrials:
    """What a search of a merge tries; see :class:`embedworks.jobs.search.actor.Trials`.

    Attributes:
        attempts: Merges and scores.
        recipe: The stage's.
        axes: What is searched in it.
        plugins: ``EMBEDWORKS_PATH`` of the driver.
    """

    attempts: Attempts
    recipe: Recipe
    axes: list[Axis]
    plugins: str

    @property
    def root(self) -> Path:
        """Folder of the trials."""
        return self.attempts.root

    def run(
        self,
        number: int,
        values: dict[str, Any],
        scored: Callable[[int, float], None],  # noqa: ARG002  (a merge has one score, its last)
        stopping: threading.Event,  # noqa: ARG002  (it is short, and ends)
    ) -> TrialRecord:
        """Merge with these values and score the result."""
        return self.attempts.score(number, values, with_values(self.recipe, self.axes, values))


def search_merge(
    attempts: Attempts,
    recipe: Recipe,
    axes: list[Axis],
    options: MergeSearch,
    seed: int,
    note: Callable[[str], None],
) -> tuple[TrialRecord, list[TrialRecord]]:
    """Run the trials that are not done.

    Args:
        attempts: Merges and scores.
        recipe: The stage's.
        axes: What is searched in it.
        options: The search, with a key for every axis.
        seed: Of the values that are drawn.
        note: Is told how each trial ended.

    Returns:
        The best trial and all of them.

    Raises:
        InputError: if none was done.
    """
    from embedworks.jobs.search.suggest import Suggestions, count_trials, fixed_values
    from embedworks.jobs.search.tuning import run_trials

    trials = MergeTrials(attempts, recipe, axes, os.environ.get(PLUGIN_PATH, ""))
    count = count_trials(options)
    known = [record for record in load_records(trials.root, count) if record.mark == attempts.mark]
    fixed = fixed_values(options, seed, known)
    done = [record for record in known if record.status == "done"]
    if [record.values for record in done] == fixed and len(fixed) == count:
        note(f"  search: {count} trials done before")
        found = done
    else:
        note(f"  search: {count} trials, {options.parallel} at a time")
        run_trials(trials, options, Suggestions(options, seed, fixed), None, note)
        found = load_records(trials.root, count)
    best = best_of([record for record in found if record.mark == attempts.mark])
    if best is None:
        errors = sorted({record.error for record in found if record.error})
        raise InputError(f"no trial of the search was done: {'; '.join(errors)}")
    note(f"  best: {best.in_words()}")
    return best, found
