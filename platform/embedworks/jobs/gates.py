"""The gate of a register stage: whether a model was shown to be better than the one it would replace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from embedworks.jobs.comparison_options import RequireOptions
from embedworks.jobs.comparisons import MEAN, OVER_TASKS, Row, Rows, compare_models
from embedworks.jobs.scores import Scores, full_size


class GateNotMet(Exception):
    """Fails a job whose best model may not have the alias."""


@dataclass(frozen=True)
class Verdict:
    """What a gate says.

    Attributes:
        passed: Whether the alias may move.
        reason: Why, in a sentence without a full stop.
        against: The model that was to be beaten; empty where there was none.
        rows: The comparisons it rests on.
    """

    passed: bool
    reason: str
    against: str = ""
    rows: Rows = field(default_factory=dict)


def judge(options: RequireOptions, challenger: Scores, rival: Scores, against: str) -> Verdict:
    """Judge a model by both models' scores on the same samples.

    Args:
        options: What is required.
        challenger: Scores of the model that is to have the alias.
        rival: Scores of the model that it must beat.
        against: The rival's name.

    Raises:
        InputError: if the models were scored on different samples.
    """
    rows = compare_models(challenger, rival, options.tasks, resamples=options.resamples)
    tested = _tested(options, rows)
    faults = [*_not_better(options, tested), *_losses(options, challenger, rival)]
    if faults:
        return Verdict(False, f"not shown to be better than {against}: {'; '.join(faults)}", against, rows)
    gains = ", ".join(
        f"{name} {row['difference']:+.4f} (p {row['holm']:.2g})" for name, row in tested.items()
    )
    return Verdict(True, f"better than {against}: {gains}", against, rows)


def _tested(options: RequireOptions, rows: Rows) -> Rows:
    tasks = {name: row for name, row in rows.items() if name not in (MEAN, OVER_TASKS)}
    if options.over == "tasks" or len(tasks) == 1:  # one task is its own mean
        return tasks
    return {MEAN: rows[MEAN]} if MEAN in rows else {n: row for n, row in tasks.items() if row["p"] is None}


def _not_better(options: RequireOptions, tested: Rows) -> Iterator[str]:
    for name, row in tested.items():
        if fault := _fault(row, options.p):
            yield f"{name} {row['difference']:+.4f}{fault}"


def _fault(row: Row, limit: float) -> str:
    if row["p"] is None:
        return ", which has no samples to test"
    if row["difference"] <= 0:
        return f" (p {row['holm']:.2g})"
    return "" if row["holm"] < limit else f", p {row['holm']:.2g} and not below {limit:g}"


def _losses(options: RequireOptions, challenger: Scores, rival: Scores) -> Iterator[str]:
    if options.no_task_worse_than is None:
        return
    ours, theirs = full_size(challenger), full_size(rival)
    for name in ours:
        change = ours[name]["value"] - theirs[name]["value"]
        if change < -options.no_task_worse_than:
            yield f"{name} loses {-change:.4f}, more than {options.no_task_worse_than:g}"
