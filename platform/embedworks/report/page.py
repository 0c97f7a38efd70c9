"""The page: one HTML file with style, script and drawings in it, which asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from embedworks.named import short_name
from embedworks.report.data import Difference, Merge, Report, ScoreRow, ScoreTable
from embedworks.report.drawing.bars import layer_bars, spark
from embedworks.report.drawing.curves import plot
from embedworks.report.drawing.forest import forest, in_words, signed, verdict
from embedworks.report.drawing.graph import graph
from embedworks.report.drawing.grid import cost_name, heat, pareto
from embedworks.report.drawing.scatter import panel

TEMPLATES = Path(__file__).with_name("templates")
MOST_GRIDS = 8


def render(report: Report) -> str:
    """The report as HTML. Every text is escaped: names, corpora and job files come from anywhere."""
    script = _asset("page.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            style=_asset("style.css"),
            script=script,
            digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            sections=sections(report),
        )
    )


def sections(report: Report) -> dict[str, str]:
    """Id -> heading of the sections that have something to show."""
    there: dict[str, tuple[str, Any]] = {
        "scores": ("Scores", report.scores),
        "significance": ("Significance", report.significance),
        "costs": ("Quality and cost", report.costs),
        "grids": ("Layers and dimensions", report.grids),
        "training": ("Training", report.trainings),
        "map": ("Map", report.map),
        "neighbours": ("Neighbours", report.neighbours),
        "lineage": ("Lineage", report.lineage),
        "merges": ("Merges", report.merges),
        "made": ("How it was made", report.made),
    }
    return {key: title for key, (title, part) in there.items() if part}


def tint(table: ScoreTable, row: ScoreRow, column: int | None) -> str:
    """How strongly a cell is coloured: its distance to the reference, against the largest of its column."""
    values = {one.model: _value(one, column) for one in table.rows}
    own, base = values[row.model], values[table.reference]
    if own is None or base is None:
        return ""
    most = max(abs(v - base) for v in values.values() if v is not None)
    share = (own - base) / most if most else 0.0
    if abs(share) < 0.02:
        return ""
    return f"--tint:{6 + 34 * abs(share):.0f}%;--hue:var(--{'better' if share > 0 else 'worse'})"


def is_best(table: ScoreTable, row: ScoreRow, column: int | None) -> bool:
    """Whether no model has a higher value in that column; None is the mean."""
    values = [value for one in table.rows if (value := _value(one, column)) is not None]
    own = _value(row, column)
    return own is not None and len(values) > 1 and own >= max(values) and min(values) < max(values)


def ranked(table: ScoreTable) -> list[ScoreRow]:
    """The reference first, then the best mean first."""
    return sorted(
        table.rows, key=lambda r: (r.model != table.reference, r.mean is None, -(r.mean or 0.0), r.model)
    )


def by_mean(report: Report) -> list[Merge]:
    """Merges, the best mean first; those that were not scored last, in the job's order."""
    means = {row.model: row.mean for row in report.scores.rows} if report.scores else {}
    return sorted(report.merges, key=lambda one: -(means.get(one.model) or -1e9))


def forests(report: Report) -> list[tuple[str, Markup]]:
    """A plot for the mean and one for each task, the models in one order in all of them."""
    found = report.significance
    assert found is not None, "there is something to draw"
    best = report.scores.best if report.scores else ""
    means = [(row.model, row.mean) for row in found.rows if row.mean]
    plots = [("Mean of all tasks", forest(means, best, "Mean of all tasks"))] if means else []
    for task in dict.fromkeys(one.task for row in found.rows for one in row.tasks):
        rows = [(row.model, one) for row in found.rows for one in row.tasks if one.task == task]
        plots.append((task, forest(rows, best, task)))
    return plots


def lead(report: Report) -> Difference | None:
    """The best model's gain in the mean, or on the only task."""
    if not report.significance or not report.scores:
        return None
    row = next((one for one in report.significance.rows if one.model == report.scores.best), None)
    if row is None:
        return None
    return row.mean or (row.tasks[0] if len(row.tasks) == 1 else None)


def p_value(value: float | None) -> str:
    """A p of a table: three digits, or that it is smaller."""
    if value is None:
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _value(row: ScoreRow, column: int | None) -> float | None:
    return row.mean if column is None else row.values[column]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("embedworks.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    helpers = (
        tint,
        is_best,
        ranked,
        by_mean,
        forests,
        lead,
        p_value,
        short_name,
        signed,
        verdict,
        in_words,
        cost_name,
    )
    drawings = (heat, pareto, plot, panel, graph, layer_bars, spark)
    environment.globals.update({one.__name__: one for one in (*helpers, *drawings)}, MOST_GRIDS=MOST_GRIDS)
    return environment


def _asset(name: str) -> str:
    """A file of the package's own, which goes into the page as it is."""
    return (TEMPLATES / name).read_text(encoding="utf-8")
