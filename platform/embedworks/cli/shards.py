"""``embedworks shards build|check|show|curate``: corpora on disk and in buckets."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from embedworks.cli import curate
from embedworks.errors import InputError

if TYPE_CHECKING:  # these open Arrow, which `--help` has no use for
    from embedworks.corpora.build import OnPart
    from embedworks.corpora.build_options import BuildOptions
    from embedworks.corpora.build_plan import SourcePlan
    from embedworks.corpora.corpus import Corpus
    from embedworks.corpora.manifest import Manifest

app = typer.Typer(help="Build, verify and look at sharded corpora.", no_args_is_help=True)
curate.register(app)


@app.command()
def build(
    source: str = typer.Argument(help="A built-in corpus, or a path, URI or glob."),
    out: Path = typer.Option(..., help="The new folder, or one where this build was begun."),
    format: str = typer.Option(None, help="A reader; by default the extensions tell."),
    option: list[str] = typer.Option([], metavar="NAME=VALUE", help="Of the reader or built-in corpus."),
    columns: list[str] = typer.Option([], metavar="NEW=OLD", help="A column to keep, renamed."),
    keep_all: bool = typer.Option(False, help="Keep the columns that --columns does not name, too."),
    split: list[str] = typer.Option([], metavar="NAME=SHARE", help="A split; the rest is train."),
    split_by: str = typer.Option(None, metavar="COLUMN", help="Keep rows with the same value together."),
    seed: int = typer.Option(0, help="Draws the split."),
    name: str = typer.Option("", help="The corpus's name; by default from the source."),
    licence: str = typer.Option("", help="Of the content."),
    description: str = typer.Option("", help="What a row is."),
    shard_rows: int = typer.Option(16384, min=1, help="Rows of a full shard."),
    part_bytes: int = typer.Option(64 << 20, min=1, help="Bytes of source files that one task reads."),
    workers: int = typer.Option(None, min=1, help="Tasks at a time; as many as there are CPUs by default."),
    address: str = typer.Option(None, help="A Ray cluster, or `local`; by default the one running here."),
    as_json: bool = typer.Option(False, "--json", help="Print the manifest."),
) -> None:
    """Build a corpus into a folder of shards; a build that was killed goes on."""
    from embedworks.corpora.build_options import BuildOptions
    from embedworks.corpora.recipes import builtin_names

    if source in builtin_names():
        manifest = _build_builtin(source, out, {"seed": seed, **_values(option)}, workers, address)
    else:
        options = BuildOptions(
            source=str(_place(source)),
            format=format,
            options=_pairs("--option", option),
            columns=_pairs("--columns", columns),
            keep_all=keep_all,
            splits={key: _share(key, value) for key, value in _pairs("--split", split).items()},
            split_by=split_by,
            seed=seed,
            name=name,
            licence=licence,
            description=description,
            shard_rows=shard_rows,
            part_bytes=part_bytes,
        )
        manifest = _build(options, out, workers, address)
    if as_json:
        typer.echo(manifest.model_dump_json(indent=2, exclude_none=True))
        return
    splits = ", ".join(f"{split} {manifest.rows(split)} rows" for split in manifest.splits)
    typer.echo(f"{out}: {splits}")


@app.command()
def check(
    folder: str = typer.Argument(help="A corpus folder, or the URI of one."),
    as_json: bool = typer.Option(False, "--json"),
) -> None:
    """Find missing, truncated, altered and extra shards; exit code 1 if there are any."""
    from embedworks.corpora.verify import check_corpus

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
    folder: str = typer.Argument(help="A corpus folder, or the URI of one."),
    rows: int = typer.Option(3, min=0, help="Rows of each split to print, or of a contact sheet's cells."),
    pictures: Path = typer.Option(None, metavar="FILE", help="Write a contact sheet of --split as PNG."),
    split: str = typer.Option("train", help="The contact sheet's split."),
    boxes: bool = typer.Option(False, help="Draw the boxes of objects on the contact sheet."),
    as_card: bool = typer.Option(False, "--card", help="Print a data card as Markdown."),
    as_json: bool = typer.Option(False, "--json", help="Print the manifest."),
) -> None:
    """Print a corpus's manifest, its statistics and its first rows, or draw its pictures."""
    from embedworks.corpora.corpus import open_corpus

    corpus = open_corpus(folder)
    if pictures:
        from embedworks.corpora.contact_sheet import Look, write_contact_sheet

        shown = write_contact_sheet(corpus, pictures, Look(max(rows, 1), split, boxes))
        typer.echo(f"{pictures}: {shown} rows of {split}", err=as_json or as_card)
    if as_card:
        typer.echo(_card(corpus, pictures))
    elif as_json:
        typer.echo(corpus.manifest.model_dump_json(indent=2, exclude_none=True))
    elif not pictures:
        _print_corpus(corpus, rows)


def _card(corpus: Corpus, pictures: Path | None) -> str:
    from embedworks.corpora.cards import card
    from embedworks.corpora.recipes import builtin_names, find_recipe

    name = corpus.manifest.name
    recipe = find_recipe(name) if name in builtin_names() else None
    return card(corpus, recipe, str(pictures or ""))


def _print_corpus(corpus: Corpus, rows: int) -> None:
    manifest = corpus.manifest
    typer.echo(f"{manifest.name}: {manifest.description or 'no description'}")
    typer.echo(f"licence: {manifest.licence or 'not given'}; digest {corpus.digest[:12]}")
    typer.echo(f"source: {manifest.source}; split: {manifest.split_rule}")
    _print_tables(manifest)
    for split in manifest.splits:
        typer.echo(f"{split}: {corpus.rows(split)} rows")
        for row in islice(corpus.iter_rows(split), rows):
            for column, value in row.items():
                typer.echo(f"  {column}: {_printed(value)}")
            typer.echo("")


def _printed(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return str(value)[:200]


def _build(options: BuildOptions, out: Path, workers: int | None, address: str | None) -> Manifest:
    from embedworks.cli.ray_session import connect
    from embedworks.corpora.build import run_plan
    from embedworks.corpora.build_plan import make_plan

    plan = make_plan(options)
    _note_left_out(plan)
    if len(plan.parts) > 1:
        connect(address)
    with _progress() as on_part:
        return run_plan(plan, out, workers, on_part)


def _build_builtin(
    name: str, out: Path, given: dict[str, Any], workers: int | None, address: str | None
) -> Manifest:
    from embedworks.cli.ray_session import connect
    from embedworks.corpora.manifest import Manifest
    from embedworks.corpora.recipes import build_builtin, recipe_options, worth_a_cluster

    options = recipe_options(name, given)
    if worth_a_cluster(options) and workers != 1:
        connect(address)
    with _progress() as on_part:
        return Manifest.load(build_builtin(name, out, options, workers, on_part))


def _note_left_out(plan: SourcePlan) -> None:
    from embedworks.corpora.readers import left_out_text

    if plan.left_out:
        typer.echo(left_out_text(plan.format, plan.left_out), err=True)
    if dropped := plan.layout.dropped:
        typer.echo(f"left out columns: {', '.join(dropped)} (--keep-all keeps them)", err=True)


@contextmanager
def _progress() -> Iterator[OnPart]:
    """A bar on a terminal, a line for each part in a pipe; on stderr, so that --json stays clean."""
    if not sys.stderr.isatty():
        yield lambda done, parts, rows: typer.echo(f"part {done} of {parts}: {rows} rows", err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    look = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*look, console=Console(stderr=True)) as bar:
        task = bar.add_task("building", total=None)

        def advance(done: int, parts: int, rows: int) -> None:
            bar.update(task, completed=done, total=parts, description=f"{rows} rows")

        yield advance


def _place(source: str) -> str:
    """The source in full; a plain word that is no path was meant as a built-in corpus."""
    from embedworks.corpora.listing import has_wildcard
    from embedworks.corpora.places import Place
    from embedworks.corpora.recipes import builtin_names

    place = Place.of(source)
    if place.local and not has_wildcard(place) and not place.local.exists():
        known = builtin_names()
        raise InputError(
            f"no corpus {source!r}: neither a built-in one nor a path",
            expected=f"a path, URI or glob, or one of {', '.join(known)}",
            name=source,
            known=known,
        )
    return str(place)


def _pairs(flag: str, texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise InputError(f"{flag} {text!r} is not a pair", expected=f"{flag} name=value")
        if key in pairs:
            raise InputError(f"{flag} names {key!r} twice", expected="each name once")
        pairs[key] = value
    return pairs


def _values(texts: list[str]) -> dict[str, Any]:
    """Options as YAML reads them: numbers, booleans, lists in brackets."""
    import yaml

    return {key: yaml.safe_load(value) for key, value in _pairs("--option", texts).items()}


def _share(split: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(
            f"--split {split}={text} is not a number", expected="a share such as 0.1"
        ) from error


def _print_tables(manifest: Manifest) -> None:
    from rich.console import Console
    from rich.table import Table

    counts = Table("split", "rows", "shards", "bytes", "duplicate rows", box=None)
    text = Table("split", "column", "characters", "median", "95 %", "words a row", "vocabulary", box=None)
    for split, shards in manifest.splits.items():
        known = manifest.statistics.get(split)
        repeated = f"{known.duplicate_rows:,}" if known else "not counted"
        size = sum(shard.bytes for shard in shards)
        counts.add_row(split, f"{manifest.rows(split):,}", str(len(shards)), f"{size:,}", repeated)
        for column, one in known.text.items() if known else ():
            span = f"{one.characters_min:,} to {one.characters_max:,}, mean {one.characters_mean:,}"
            middle, most = one.characters_quantiles["0.5"], one.characters_quantiles["0.95"]
            words, vocabulary = f"{one.words_mean:,}", f"about {one.vocabulary_estimate:,}"
            text.add_row(split, column, span, f"{middle:,}", f"{most:,}", words, vocabulary)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(counts)
    if text.row_count:
        console.print(text)
