"""Comparisons of two models from their scores and samples, as a job stores, logs and shows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedworks.evaluation.samples import Samples, read_samples
from embedworks.evaluation.statistics.bootstrap import Method
from embedworks.evaluation.statistics.compare import Comparison, compare, compare_mean, compare_scores
from embedworks.evaluation.statistics.paired import holm
from embedworks.jobs.scores import Scores, full_size

MEAN = "mean"
OVER_TASKS = "over tasks"
COLUMNS = ("difference", "low", "high", "p", "holm", "effect", "n")

Row = dict[str, Any]  # a comparison's fields, and `holm`: its p after the correction
Rows = dict[str, Row]  # by task, then MEAN and OVER_TASKS


def compare_models(
    a: Scores,
    b: Scores,
    tasks: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    method: Method = "bca",
) -> Rows:
    """Compare two models at their largest pairs, task by task and over tasks.

    Args:
        a: Scores of the model that may be better.
        b: Scores of the other.
        tasks: Which; None for all.
        level: Of the intervals.
        resamples: Of the bootstrap, and permutations of the test.
        method: Of the intervals.

    Returns:
        A row for each task; ``mean`` for the tasks as they are, ``over tasks`` for Wilcoxon's test. Tasks
        without samples have a difference alone. ``holm`` corrects over the tasks.

    Raises:
        InputError: if the models were scored on different samples.
    """
    first, second = full_size(a), full_size(b)
    chosen = [task for task in tasks or first if task in first and task in second]
    options: dict[str, Any] = {"level": level, "resamples": resamples, "method": method}
    drawn = {**options, "permutations": resamples}
    pairs = {task: pair for task in chosen if (pair := _pair(first[task], second[task]))}
    rows = {
        task: as_row(compare(*pairs[task], **drawn)) if task in pairs else _difference(first, second, task)
        for task in chosen
    }
    correct([rows[task] for task in pairs])
    if len(pairs) == len(chosen) > 1:
        rows[MEAN] = as_row(compare_mean(list(pairs.values()), **drawn))
    if len(chosen) > 1:
        values = ([scores[task]["value"] for task in chosen] for scores in (first, second))
        rows[OVER_TASKS] = as_row(compare_scores(*values, **options))
    return rows


def compare_each(scores: Mapping[str, Scores], to: str, **options: Any) -> dict[str, Rows]:
    """Compare every other model with one.

    Args:
        scores: Model -> its scores.
        to: One of the models.
        **options: As for :func:`compare_models`.

    Returns:
        Model -> its rows, in the order given; ``holm`` corrects over all models and tasks together.
    """
    found = {
        model: compare_models(one, scores[to], **options) for model, one in scores.items() if model != to
    }
    correct(tested_rows(found))
    return found


def tested_rows(found: Mapping[str, Rows]) -> list[Row]:
    """The tests of a model on a task: what Holm's correction is over where many models are compared."""
    return [
        row
        for rows in found.values()
        for task, row in rows.items()
        if task not in (MEAN, OVER_TASKS) and row["p"] is not None
    ]


def correct(rows: Sequence[Row]) -> None:
    """Set ``holm`` of rows that were tested together."""
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["holm"] = p


def as_row(comparison: Comparison) -> Row:
    """A comparison on its own: nothing to correct for."""
    return {**dataclasses.asdict(comparison), "holm": comparison.p}


def row_numbers(rows: Rows, prefix: str) -> dict[str, float]:
    """Every number under the name that curves and tables show: ``prefix/task/difference``."""
    return {
        f"{prefix}/{task.replace(' ', '_')}/{name}": float(value)
        for task, row in rows.items()
        for name, value in row.items()
        if value is not None
    }


def as_lines(rows: Rows, level: float = 0.95) -> list[str]:
    """A small table in plain text."""
    heads = ("", "difference", f"{level:.4g} interval", "p", "Holm", "effect", "n")
    cells = [heads, *(_cells(task, row) for task, row in rows.items())]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _cells(task: str, row: Row) -> tuple[str, ...]:
    if row["p"] is None:
        return (task, f"{row['difference']:+.4f}", "no samples", "", "", "", "")
    interval = f"[{row['low']:+.4f}, {row['high']:+.4f}]"
    effect = "" if row["effect"] is None else f"{row['effect']:+.2f}"
    numbers = (f"{row['p']:.2g}", f"{row['holm']:.2g}", effect, str(row["n"]))
    return (task, f"{row['difference']:+.4f}", interval, *numbers)


def _pair(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Samples, Samples] | None:
    files = (a.get("samples"), b.get("samples"))
    if not all(files):
        return None
    first, second = (read_samples(Path(str(file))) for file in files)
    return first, second


def _difference(a: Mapping[str, Any], b: Mapping[str, Any], task: str) -> Row:
    return {**dict.fromkeys(COLUMNS), "difference": a[task]["value"] - b[task]["value"]}
