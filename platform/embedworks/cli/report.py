"""``embedworks report``: one page of what a job made, and model cards."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path

import typer

RUN = "A job, for all its stages, or job/stage, stage, an id, its beginning: the newest of that name."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="report")(report)


def report(
    runs: list[str] = typer.Argument(metavar="RUN...", help=f"{RUN} Stages come with all they depend on."),
    out: Path = typer.Option(Path("report.html"), help="The page."),
    title: str = typer.Option("", help="Of the page; default: the job's name."),
    to: str = typer.Option(None, help="The evaluated model that others are compared with."),
    cards: Path = typer.Option(None, help="Also write FOLDER/<model>/README.md, a card for each model."),
    log: bool = typer.Option(True, help="Keep the page and the cards with the job's MLflow run."),
    uri: str = typer.Option(
        None, "--uri", help="MLflow tracking URI; default: MLFLOW_TRACKING_URI, else ./mlflow.db."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print what the page shows as JSON."),
) -> None:
    """Write a page of a job's models: scores, significance, cost, losses, neighbours, lineage."""
    from embedworks.report.gathering.gather import gather
    from embedworks.report.gathering.store import find_source
    from embedworks.report.write import log_files, plain, write_cards, write_page
    from embedworks.tracking.tracker import default_uri

    begun = time.monotonic()
    store = uri or default_uri()
    source = find_source(runs, store)
    command = shlex.join(["embedworks", "report", *runs])

    def tell(text: str) -> None:
        typer.echo(f"  {text}", err=True)

    found = gather(source, title=title, to=to, command=command, tell=tell)
    page = write_page(found, out)
    written = write_cards(found, source, cards) if cards else []
    if log and source.history and source.run_id:
        client = source.history.client
        log_files(lambda name, text: client.log_text(source.run_id, text, name), page, written)
    if as_json:
        json.dump(plain(found), sys.stdout, indent=2)
        typer.echo()
        return
    for sentence in found.head.summary:
        typer.echo(sentence)
    many = f", {len(written)} cards in {cards}" if cards else ""
    typer.echo(
        f"wrote {out} ({out.stat().st_size / 1000:,.0f} kB){many} in {time.monotonic() - begun:.0f} s"
    )
