"""Compares two arms over the samples of a task, where evaluation kept what each model got on each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from embedworks.evaluation.samples import Samples, average_seeds, read_samples
from embedworks.evaluation.statistics.compare import Comparison, compare
from embedworks.jobs.claims.schema import Claim, Condition, Measure
from embedworks.jobs.claims.values import Results, scores_of


def compare_arms(
    claim: Claim, condition: Condition, results: Mapping[tuple[str, int], Results]
) -> Comparison | None:
    """The paired bootstrap and permutation test over a task's samples.

    Seeds and sizes are averaged sample by sample before: they are not independent samples of the task. So
    this says how sure the difference is on other queries, and the interval over seeds on other trainings.

    Returns:
        None where the measure is no task's main score, or samples were not kept for both arms.

    Raises:
        InputError: if the arms were not evaluated on the same samples.
    """
    measure = claim.measures[condition.measure]
    if condition.over is None or measure.task is None or measure.number or measure.zero:
        return None
    sides = [samples_of_arm(measure, arm, results) for arm in (condition.of, condition.over)]
    return compare(sides[0], sides[1]) if sides[0] and sides[1] else None


def samples_of_arm(
    measure: Measure, arm: str, results: Mapping[tuple[str, int], Results]
) -> Samples | None:
    """What an arm got on each sample of a measure's task, mean over seeds and sizes; None if not kept."""
    found = [scores_of(measure, given) for (name, _), given in results.items() if name == arm]
    files = [Path(score.get("samples") or "") for scores in found for score in scores]
    if not files or not all(file.is_file() for file in files):
        return None
    return average_seeds([read_samples(file) for file in files])
