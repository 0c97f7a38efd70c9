"""``embedworks shards curate SOURCE --out DIR --filter name:key=value...``: a corpus through filters."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import typer
import yaml

from embedworks.errors import InputError


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(curate)


def curate(
    source: str = typer.Argument(help="A corpus folder, or a built-in corpus."),
    out: Path = typer.Option(..., help="The new folder."),
    filters: list[str] = typer.Option(
        ...,
        "--filter",
        help="A filter and its keys, such as length:column=text,min_words=5; repeat it for more, in order.",
    ),
    split: str = typer.Option("train", help="The split to filter; others are copied."),
    limit: int = typer.Option(None, min=1, help="Take only the first so many rows of the split."),
    workers: int = typer.Option(0, min=0, help="Ray Data tasks at a time; 0: this process, without Ray."),
    removed: Path = typer.Option(None, help="Parquet file for the removed rows and why they went."),
    corpora: Path = typer.Option(Path("runs/corpora"), help="Where built-in corpora are built."),
    address: str = typer.Option(None, help="Ray cluster; default: the one running here, or a new one."),
    as_json: bool = typer.Option(False, "--json", help="Print what came out as JSON."),
) -> None:
    """Remove rows by quality filters; see docs/quality.md for what there is."""
    from embedworks.corpora.ensure import ensure_corpus
    from embedworks.corpora.quality import curate as quality
    from embedworks.folder import resolve_model
    from embedworks.jobs.stages.curate import resources

    blocks = [parse_filter(text) for text in filters]
    if workers:
        from embedworks.cli.ray_session import connect

        connect(address)
    find = partial(ensure_corpus, root=corpora)
    done = quality.curate(
        find(source),
        out,
        blocks,
        split=split,
        limit=limit,
        workers=workers,
        removed=removed,
        resources=resources(find, lambda name: resolve_model(name).absolute()),
        listen=None if as_json else lambda count: typer.echo(str(count)),
    )
    if as_json:
        typer.echo(json.dumps(asdict(done), indent=2, default=str))
    else:
        typer.echo(f"{out}: {done.counts[-1].kept} rows in split {split}, digest {done.digest[:12]}")


def parse_filter(text: str) -> dict[str, Any]:
    """``name:key=value,key=value`` to a checked filter block; values are YAML.

    Raises:
        InputError: naming the option, and the nearest filter or key.
    """
    from embedworks.corpora.quality.find import NAME, filter_config
    from embedworks.jobs.source import SourceMap
    from embedworks.jobs.validate import validate_block

    name, _, rest = text.partition(":")
    source = SourceMap(f"--filter {text}", {}, {})
    with source.blame((NAME,)):
        config = filter_config(name)
    # A comma parts two keys only where a key follows it: lists and blocks have commas too.
    keys = dict(_pair(part, source.file) for part in re.split(r",\s*(?=\w+=)", rest) if part)
    validate_block(config, keys, source)
    return {NAME: name, **keys}


def _pair(text: str, where: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} has no value", where=where, expected="key=value")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(f"the value of {key!r} is not YAML", where=where) from error
