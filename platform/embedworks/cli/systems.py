"""``embedworks systems [SLUG]``: the catalogue."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import typer


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(systems)


def systems(
    slug: str = typer.Argument(None, help="One system; default: all."),
    as_json: bool = typer.Option(False, "--json", help="A list of {slug, title, family, ...}."),
    write: Path = typer.Option(
        None, help="Write the catalogue as a page, docs/systems.md, and beside it a page for each system."
    ),
) -> None:
    """List the systems: every published method that a job can name, and what became of its claim."""
    from embedworks.catalog import find_system
    from embedworks.jobs.catalogue import describe, entries

    if write:
        typer.echo("\n".join(map(str, _write(write))))
        return
    rows = [describe(find_system(slug))] if slug else entries()
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    elif slug:
        _print_one(rows[0], inspect.getdoc(find_system(slug).load()) or "")
    else:
        _print_table(rows)


def _write(file: Path) -> list[Path]:
    from embedworks.catalog import systems
    from embedworks.jobs.catalogue import entries, page
    from embedworks.jobs.system_page import write_pages

    file.write_text(page(entries()), encoding="utf-8")
    return [file, *write_pages(file.with_suffix(""), systems())]


def _print_one(row: dict[str, Any], text: str) -> None:
    from embedworks.jobs.catalogue import claim_of

    typer.echo(text)
    for key in ("job", "test", "page"):
        typer.echo(f"{key}: {row[key]}")
    typer.echo(f"claim: {claim_of(row)}")


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from embedworks.jobs.catalogue import claim_of, trains

    table = Table(box=None)
    for name in ("system", "family", "trains", "corpora", "served tasks", "claim", "date"):
        table.add_column(name, no_wrap=name in ("system", "family", "date"))
    for row in rows:
        date = row["claim"]["date"] if row["claim"] else ""
        tasks = ", ".join(["embed", *row["tasks"]])
        table.add_row(
            row["slug"], row["family"], trains(row), ", ".join(row["corpora"]), tasks, claim_of(row), date
        )
    Console().print(table)
