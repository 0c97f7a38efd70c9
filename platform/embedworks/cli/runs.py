"""``embedworks runs``: what jobs have logged, listed, compared and plotted."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from embedworks.errors import InputError

if TYPE_CHECKING:
    from embedworks.tracking.history import History, RunRecord

app = typer.Typer(help="What jobs have logged: list, show, compare, plot.", no_args_is_help=False)
URI = typer.Option(
    None, "--uri", help="MLflow tracking URI; default: MLFLOW_TRACKING_URI, else ./mlflow.db."
)
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
ID = "An id, its beginning, job/stage, or stage: the newest of that name."
LIST_METRICS = 2  # beside the loss


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    job: str = typer.Option(None, help="Only this job's."),
    limit: int = typer.Option(20, min=1, help="The newest so many."),
    uri: str = URI,
    as_json: bool = AS_JSON,
) -> None:
    """List runs, newest first."""
    if context.invoked_subcommand:
        return
    history = open_history(uri)
    above = {run.parent for run in history.runs}
    # A job's own run says little beside those of its stages.
    found = [run for run in history.runs if run.id not in above]
    if job:
        jobs = {run.job for run in history.runs}
        if job not in jobs:
            raise InputError(f"no job {job!r}", where="--job", name=job, known=jobs)
        found = [run for run in found if run.job == job]
    if as_json:
        typer.echo(json.dumps([plain(run) for run in found[:limit]], indent=2))
        return
    columns = ("id", "job", "stage", "status", "start", "took", "steps", "loss", "metrics")
    print_table(columns, [row(run) for run in found[:limit]])
    if len(found) > limit:
        typer.echo(f"{len(found) - limit} more: --limit {len(found)}", err=True)


@app.command()
def show(
    run: str = typer.Argument(help=ID),
    uri: str = URI,
    everything: bool = typer.Option(False, "--all", help="Also the machine's metrics."),
    as_json: bool = AS_JSON,
) -> None:
    """Show one run: its state, last metrics and parameters."""
    found = open_history(uri).find(run)
    if as_json:
        typer.echo(json.dumps(plain(found), indent=2))
        return
    typer.echo(f"{found.id}  {found.name}  {found.status}")
    typer.echo(f"started {started(found)}, took {took(found)}, {found.steps} steps\n")
    metrics = found.metrics if everything else found.shown_metrics()
    print_table(("metric", "last value"), [(k, number(v)) for k, v in metrics.items()])
    typer.echo()
    print_table(("parameter", "value"), list(found.params.items()))


@app.command()
def compare(
    chosen: list[str] = typer.Argument(help=f"Two or more. {ID}"),
    uri: str = URI,
    everything: bool = typer.Option(
        False, "--all", help="Also equal parameters, and the machine's metrics."
    ),
    as_json: bool = AS_JSON,
) -> None:
    """Compare runs: the parameters that differ, and the last metrics side by side."""
    history = open_history(uri)
    found = [history.find(name) for name in chosen]
    if len(found) < 2:
        raise InputError("one run cannot be compared", expected="two or more")
    params = side_by_side([run.params for run in found])
    if not everything:
        params = {key: values for key, values in params.items() if len(set(values)) > 1}
    metrics = side_by_side([run.metrics if everything else run.shown_metrics() for run in found])
    if as_json:
        metrics = {key: [finite(value) for value in values] for key, values in metrics.items()}
        ids = [{"id": run.id, "name": run.name, "status": run.status} for run in found]
        typer.echo(json.dumps({"runs": ids, "params": params, "metrics": metrics}, indent=2))
        return
    heads = [f"{run.name} {run.short}" for run in found]
    print_table(
        ("parameter", *heads), [(k, *("-" if v is None else v for v in vs)) for k, vs in params.items()]
    )
    typer.echo()
    print_table(("metric", *heads), [(k, *map(number, vs)) for k, vs in metrics.items()])


@app.command()
def plot(
    chosen: list[str] = typer.Argument(help=f"One or more. {ID}"),
    metric: str = typer.Option("loss", help="What is plotted over steps."),
    out: Path = typer.Option(None, help="Write a PNG instead."),
    uri: str = URI,
    as_json: bool = AS_JSON,
) -> None:
    """Plot a metric of runs over their steps."""
    history = open_history(uri)
    found = [history.find(name) for name in chosen]
    curves = {f"{run.name} {run.short}": history.curve(run, metric) for run in found}
    if out:
        from embedworks.cli.curves import save_png

        save_png(out, curves, metric)
    if as_json:
        points = [
            {
                "id": run.id,
                "name": run.name,
                "metric": metric,
                "points": [(step, finite(value)) for step, value in curve],
            }
            for run, curve in zip(found, curves.values(), strict=True)
        ]
        typer.echo(json.dumps(points))
    elif out:
        typer.echo(f"wrote {out}")
    else:
        from rich.console import Console

        from embedworks.cli.curves import draw

        draw(Console(highlight=False), curves, metric)


def open_history(uri: str | None) -> History:
    """The runs of the store that a user means."""
    from embedworks.tracking.history import History
    from embedworks.tracking.tracker import default_uri

    return History(uri or default_uri())


def side_by_side(given: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Key -> its value in each; None where there is none."""
    keys = dict.fromkeys(key for values in given for key in values)
    return {key: [values.get(key) for values in given] for key in sorted(keys)}


def plain(run: RunRecord) -> dict[str, Any]:
    """A run as JSON, which has no numbers that are none."""
    data = run.as_json()
    data["metrics"] = {key: finite(value) for key, value in run.metrics.items()}
    return data


def finite(value: float | None) -> float | None:
    """A number, or None for NaN and the infinities."""
    return value if value is not None and math.isfinite(value) else None


def row(run: RunRecord) -> tuple[str, ...]:
    """A run as a line of the list."""
    shown = run.shown_metrics()
    loss = number(shown.pop("loss", None))
    rates = ("speed/tokens_per_s", "speed/mfu")
    wanted = [key for key in rates if key in shown] or list(shown)
    others = ", ".join(
        f"{key.removeprefix('speed/')} {number(shown[key])}" for key in wanted[:LIST_METRICS]
    )
    steps = str(run.steps or "-")
    return (
        run.short,
        run.job,
        run.stage or "-",
        run.status.lower(),
        started(run),
        took(run),
        steps,
        loss,
        others,
    )


def number(value: float | None) -> str:
    """A metric in a table."""
    return "-" if value is None else f"{value:.5g}"


def started(run: RunRecord) -> str:
    """When a run was started, in local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(run.start))


def took(run: RunRecord) -> str:
    """How long a run took, as ``1:02:03``."""
    minutes, seconds = divmod(round(run.seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def print_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table as wide as the terminal; in a pipe, with tabs between whole cells."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        for line in (columns, *rows):
            typer.echo("\t".join(line))
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("id", "start", "took"))
    for line in rows:
        table.add_row(*line)
    console.print(table)
