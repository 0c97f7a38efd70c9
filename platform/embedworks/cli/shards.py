"""``embedworks shards build|check|show|curate``: corpora on disk."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import typer

from embedworks.cli import curate

app = typer.Typer(help="Build, verify and look at sharded corpora.", no_args_is_help=True)
curate.register(app)


@app.command()
def build(
    name: str = typer.Argument(help="A built-in corpus."),
    out: Path = typer.Option(..., help="The new folder."),
    seed: int = typer.Option(0, help="Draws the split."),
) -> None:
    """Build a built-in corpus into a folder of shards."""
    from embedworks.corpora.builtin import build_builtin
    from embedworks.corpora.corpus import open_corpus

    corpus = open_corpus(build_builtin(name, out, seed))
    splits = ", ".join(f"{split} {corpus.rows(split)} rows" for split in corpus.manifest.splits)
    typer.echo(f"{out}: {splits}")


@app.command()
def check(folder: Path, as_json: bool = typer.Option(False, "--json")) -> None:
    """Find missing, truncated, altered and extra shards; exit code 1 if there are any."""
    from embedworks.corpora.shards import check_corpus

    problems = check_corpus(folder)
    if as_json:
        typer.echo(json.dumps([asdict(problem) for problem in problems], default=str))
    for problem in [] if as_json else problems:
        typer.echo(f"{problem.shard}: {problem.kind}: {problem.detail}")
    if problems:
        raise typer.Exit(1)
    if not as_json:
        typer.echo(f"{folder}: every shard is as its manifest says")


@app.command()
def show(
    folder: Path,
    rows: int = typer.Option(3, help="Rows of each split to print."),
    as_json: bool = typer.Option(False, "--json"),
) -> None:
    """Print a corpus's manifest and its first rows."""
    from embedworks.corpora.corpus import open_corpus

    corpus = open_corpus(folder)
    manifest = corpus.manifest
    if as_json:
        typer.echo(manifest.model_dump_json(indent=2))
        return
    typer.echo(f"{manifest.name}: {manifest.description} ({manifest.licence})")
    typer.echo(f"source: {manifest.source}; split: {manifest.split_rule}; digest {corpus.digest[:12]}")
    for split in manifest.splits:
        typer.echo(f"{split}: {corpus.rows(split)} rows")
        for row in islice(corpus.iter_rows(split), rows):
            for column, value in row.items():
                typer.echo(f"  {column}: {str(value)[:200]}")
            typer.echo("")
