"""Scores as a person sees them: progress while they come, and a table."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table

from embedworks.evaluation.evaluate import Score
from embedworks.evaluation.measured_space import MeasuredSpace
from embedworks.evaluation.suites import family_means
from embedworks.named import short_name

T = TypeVar("T")
Column = tuple[str, str]  # model, and what was read of it
Scores = Mapping[str, Sequence[Score]]


class Progress:
    """A bar on a terminal, a line for every score in a pipe; both on stderr. A context.

    Args:
        total: How many scores will come.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._bar = Bar(console=Console(stderr=True), transient=True) if sys.stderr.isatty() else None
        self._task = self._bar.add_task("evaluating", total=total) if self._bar else None

    def __call__(self, model: str, score: Score) -> None:
        """Tell of a score."""
        self._done += 1
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=self._done, description=score.task)
        else:
            line = f"  {self._done}/{self._total} {short_name(model)} {score.task} {size(score)}"
            typer.echo(f"{line}: {score.metric} {score.value:.4f}", err=True)

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:  # or a terminal would stay without its cursor
            self._bar.stop()


def as_rows(scores: Mapping[str, Sequence[Score | MeasuredSpace]]) -> list[dict[str, Any]]:
    """Scores, or spaces, as JSON has them."""
    rows = [{"model": model, **dataclasses.asdict(score)} for model, score in _flat(scores)]
    found: list[dict[str, Any]] = json.loads(json.dumps(rows, default=str))
    return found


def print_table(scores: Scores) -> None:
    """A row for each task, a column for each model and pair, and means."""
    table = Table("task", "metric", "n", box=None, pad_edge=False)
    values = {(score.task, (model, size(score))): score for model, score in _flat(scores)}
    columns = list(dict.fromkeys(column for _, column in values))
    for model, at in columns:
        table.add_column(f"{short_name(model)}\n{at}", justify="right")
    for task in dict.fromkeys(task for task, _ in values):
        row = [values.get((task, column)) for column in columns]
        known = next(score for score in row if score)
        table.add_row(task, known.metric, str(known.n), *(_cell(s.value if s else None) for s in row))
    means = [
        family_means({task: score.value for (task, at), score in values.items() if at == column})
        for column in columns
    ]
    for name, row_means in mean_rows(means).items():
        table.add_row(name, "mean", "", *map(_cell, row_means), style="bold")
    Console(highlight=False, width=None if sys.stdout.isatty() else 1000).print(table)


def print_spaces(spaces: Mapping[str, Sequence[MeasuredSpace]]) -> None:
    """A row for each measure of the space, a column for each model and pair."""
    table = Table("space", box=None, pad_edge=False)
    columns = _flat(spaces)
    for model, space in columns:
        table.add_column(f"{short_name(model)}\n{size(space)}", justify="right")
    for name in columns[0][1].measures:
        table.add_row(name.replace("_", " "), *(_cell(space.measures[name]) for _, space in columns))
    table.add_row("n", *(str(space.n) for _, space in columns))
    Console(highlight=False, width=None if sys.stdout.isatty() else 1000).print(table)


def mean_rows(means: Sequence[Mapping[str, float]]) -> dict[str, list[float | None]]:
    """Family -> mean of each column, and ``families``: the mean over them of columns that have them all."""
    families = list(dict.fromkeys(name for found in means for name in found))
    rows: dict[str, list[float | None]] = {name: [found.get(name) for found in means] for name in families}
    if len(families) > 1:
        rows["families"] = [
            sum(found.values()) / len(found) if len(found) == len(families) else None for found in means
        ]
    return rows


def size(score: Score | MeasuredSpace) -> str:
    """What was read of the model: ``6x384``, or ``384`` where layers are not known."""
    return f"{score.layers}x{score.dimensions}" if score.layers else str(score.dimensions)


def _flat(scores: Mapping[str, Sequence[T]]) -> list[tuple[str, T]]:
    return [(model, score) for model, found in scores.items() for score in found]


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
