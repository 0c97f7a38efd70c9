"""``embedworks schema``: the JSON Schema of the job file, for editors."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(schema)


def schema() -> None:
    """Print the JSON Schema of the job file."""
    from embedworks.jobs.jsonschema import schema_text

    typer.echo(schema_text(), nl=False)
