"""``embedworks claim SLUG``: the experiment that compares a system with its baselines and can fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from embedworks.cli.results import results_to_stdout

if TYPE_CHECKING:
    from rich.table import Table

    from embedworks.jobs.claims.records import Record, Row

CELL = len("-0.1234 [-0.1234, -0.1234]")


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(claim)


def claim(
    slug: str = typer.Argument(help="A system with a claim, or a claim file."),
    seeds: int = typer.Option(None, help="Only the first so many seeds; then there is no verdict."),
    only: list[str] = typer.Option([], help="Only this arm; may be repeated. Then there is no verdict."),
    profile: str = typer.Option("", help="Another size that the file has: `full` is the paper's."),
    out: Path = typer.Option(None, help="Where the page is written; default: docs/claims."),
    runs: Path = typer.Option(Path("runs"), help="Where the jobs write, under `claims`."),
    tracking: str = typer.Option(None, help="MLflow tracking URI; default: MLflow's own."),
    address: str = typer.Option(None, help="Ray cluster; default: the one running here, or a new one."),
    check: bool = typer.Option(False, help="Read and check the claim and its jobs, and leave."),
    page: bool = typer.Option(False, help="Write the page of the recorded result anew, and leave."),
    as_json: bool = typer.Option(False, "--json", help="Print the record as JSON; progress to stderr."),
) -> None:
    """Run every arm at every seed, then compare them by the rule that the file fixed beforehand.

    Run again, it goes on where it stopped. The exit code is 0 whatever the verdict. A part of an experiment
    (--seeds, --only) is written only where --out says.
    """
    from embedworks.jobs.claims.load import load_claim, repository
    from embedworks.jobs.claims.page import rewrite_pages, write_pages
    from embedworks.jobs.claims.runner import check_arms

    loaded = load_claim(slug, profile, output=str(runs), tracking=tracking)
    if check:
        check_arms(loaded, list(loaded.claim.arms))
        count = len(loaded.claim.arms) * len(loaded.claim.seeds)
        typer.echo(f"{loaded.source.file}: {count} jobs, no errors")
        return
    if page:
        for file in rewrite_pages(loaded, out or repository() / "docs" / "claims"):
            typer.echo(file)
        return
    from embedworks.cli.ray_session import connect
    from embedworks.cli.run import stop_like_ctrl_c
    from embedworks.jobs.claims.record import record
    from embedworks.jobs.claims.runner import run_claim
    from embedworks.jobs.reporter import Reporter

    with results_to_stdout(as_json) as write:
        reporter = Reporter(to_stderr=as_json)
        reporter.note(f"claim {loaded.claim.name} on {connect(address)}")
        stop_like_ctrl_c()
        found = record(loaded, run_claim(loaded, reporter, seeds=seeds, only=only))
        folder = out or (repository() / "docs" / "claims" if found.verdict and not profile else None)
        for file in write_pages(loaded, found, folder) if folder else ():
            reporter.note(f"  {file}")
        if as_json:
            write(found.model_dump_json(indent=2))
        else:
            print_record(found)


def tables(found: Record, width: int) -> Iterator[Table]:
    """Arms by measures, as many measures side by side as fit; then the measures of few arms."""
    from rich.table import Table

    names, few = found.measures()
    beside = max(1, (width - max(map(len, found.arms))) // (CELL + 2))
    for first in range(0, len(names), beside):
        some = names[first : first + beside]
        table = Table("arm", *some, box=None)
        for arm, rows in found.arms.items():
            table.add_row(arm, *(_cell(rows.get(name)) for name in some))
        yield table
    if few:
        table = Table("measure", "arm", "value", box=None)
        for name in few:
            for arm, rows in found.arms.items():
                if name in rows:
                    table.add_row(name, arm, _cell(rows[name]))
        yield table


def _cell(row: Row | None) -> str:
    from embedworks.jobs.claims.page import interval, number

    return "-" if row is None else f"{number(row.mean)} {interval(row.low, row.high)}"


def print_record(found: Record) -> None:
    """The table of arms, the rule and the verdict."""
    from rich.console import Console

    from embedworks.jobs.claims.page import number

    console = Console(markup=False, highlight=False)
    for table in tables(found, console.width):
        console.print(table)
        console.print()
    for title, conditions in (
        ("all must hold:", found.reproduced),
        ("none must hold:", found.not_reproduced),
    ):
        if conditions:
            console.print(title)
        for one in conditions:
            console.print(f"  {'yes' if one.holds else 'no ':3}  {one.text}: {number(one.mean)}")
    console.print(f"verdict: {found.verdict or 'none, this is a part of the experiment'}")
