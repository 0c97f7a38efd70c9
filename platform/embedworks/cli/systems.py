"""``embedworks systems [SLUG]``: the catalogue."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import typer

from embedworks.errors import InputError


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(systems)


def systems(
    slug: str = typer.Argument(None, help="One system; default: all."),
    as_json: bool = typer.Option(False, "--json", help="A list of {slug, title, family, ...}."),
) -> None:
    """List the systems: every published method that a job can name."""
    from embedworks import catalog

    chosen = [catalog.find_system(slug)] if slug else list(catalog.systems().values())
    rows = [describe(system) for system in chosen]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    elif slug:
        typer.echo(inspect.getdoc(chosen[0].load()) or "")
        for key in ("job", "test", "page"):
            typer.echo(f"{key}: {rows[0][key]}")
    else:
        _print_table(rows)


def describe(system: Any) -> dict[str, Any]:
    """A catalogue entry. ``claim`` stays null until the system's claim was run and recorded."""
    from embedworks.catalog import find_objective

    try:
        title = find_objective(system.slug).title
    except InputError:
        title = ""
    folder = system.family.replace("-", "_")
    job = Path("jobs") / folder / f"{system.slug}.yaml"
    return {
        "slug": system.slug,
        "title": title,
        "family": system.family,
        "module": system.module,
        "job": str(job),
        "test": f"tests/systems/{folder}/test_{system.words}.py",
        "page": f"docs/systems/{system.slug}.md",
        "corpora": job_corpora(_repository() / job),
        "tasks": [],
        "claim": None,
    }


def job_corpora(job: Path) -> list[str]:
    """Corpora that a system's job reads; none where the package came without its job files."""
    from embedworks.jobs.load import load_job
    from embedworks.jobs.references import corpora_of
    from embedworks.jobs.schema import CurateStage

    if not job.is_file():
        return []
    found = load_job(job).job
    curated = {stage.name for stage in found.stages if isinstance(stage, CurateStage)}
    read = {corpus.source for stage in found.stages for corpus in corpora_of(stage)} - curated
    return sorted({found.corpora[name].source if name in found.corpora else name for name in read})


def _repository() -> Path:
    return Path(__file__).resolve().parents[3]


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("system", "family", "title", "claim", box=None)
    for row in rows:
        table.add_row(row["slug"], row["family"], row["title"], row["claim"] or "not run")
    Console().print(table)
