"""``embedworks search INDEX QUERY...``: the nearest rows of an index, on disk or behind an endpoint."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from embedworks.cli.search_answers import Answer

KEY = "EMBEDWORKS_API_KEY"
REMOTE = ("http://", "https://")
PIPE_WIDTH = 120
SHORT = 48  # characters of a value that stands beside others


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(search)


def search(
    index: str = typer.Argument(help="Folder of an index, or http://HOST:PORT/v1#INDEX of an endpoint."),
    queries: list[str] = typer.Argument(
        metavar="QUERY...", help="What to look for; each has its own hits."
    ),
    limit: int = typer.Option(10, "-k", "--limit", min=1, max=1000, help="Hits for each query."),
    where: list[str] = typer.Option(
        [],
        help="COLUMN=VALUE, or with >=, <=, >, <, !=. All must hold; = of one column again: any of them.",
    ),
    layers: int = typer.Option(None, help="Of the vectors compared; default: all that are stored."),
    dimensions: int = typer.Option(None, help="Of the vectors compared, as a stored size has or fewer."),
    exact: bool = typer.Option(False, "--exact", help="Compare every row, whatever index there is."),
    columns: str = typer.Option(None, help="Columns to show, with commas; default: all that are kept."),
    api_key: str = typer.Option(None, envvar=KEY, show_envvar=True, help="Of an endpoint."),
    tracking_uri: str = typer.Option(
        None, help="Where the index's model is registered, if it is no longer in its folder."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print what POST /v1/search answers."),
) -> None:
    """Search an index with the very model that made its vectors."""
    from embedworks.cli.search_answers import Asked, search_endpoint, search_folder
    from embedworks.cli.search_conditions import parse_where

    names = [name.strip() for name in columns.split(",") if name.strip()] if columns is not None else None
    asked = Asked(queries, limit, parse_where(where), layers, dimensions, exact, names)
    if index.startswith(REMOTE):
        answer = search_endpoint(index, asked, api_key)
    else:
        answer = search_folder(index, asked, tracking_uri)
    if as_json:
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False, default=str))
    else:
        show(answer, queries)


def show(answer: Answer, queries: Sequence[str]) -> None:
    """Hits for a person: score, short columns, and the longest on a line of its own."""
    width = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns if sys.stdout.isatty() else PIPE_WIDTH
    for query, found in zip(queries, answer["data"], strict=True):
        typer.secho(query, bold=True)
        for place, hit in enumerate(found["hits"], 1):
            short, long = lines_of(hit["row"])
            typer.echo(clip(f"{place:>3}  {hit['score']:.3f}  #{hit['id']}  {short}".rstrip(), width))
            if long:
                typer.echo("     " + clip(long, width - 5))
        if not found["hits"]:
            typer.echo("     nothing found")
    timing = answer["timing"]
    how = "exact" if answer["exact"] else "approximate"
    size = f"{answer['layers']} layers x {answer['dimensions']} dimensions"
    typer.echo(
        f"{answer['model']}, {size}, {how}: "
        f"{timing['embed_ms']:.0f} ms to embed, {timing['search_ms']:.1f} ms to search",
        err=True,
    )


def lines_of(row: dict[str, Any]) -> tuple[str, str]:
    """A row's values in two lines: the short ones, and the longest text."""
    texts = {name: " ".join(str(value).split()) for name, value in row.items() if value is not None}
    longest = max(texts, key=lambda name: len(texts[name]), default="")
    long = texts.pop(longest) if longest and (len(texts[longest]) > SHORT or len(texts) == 1) else ""
    return " | ".join(clip(text, SHORT) for text in texts.values()), long


def clip(text: str, width: int) -> str:
    """A text in so many characters at most."""
    return text if len(text) <= width else text[: max(1, width - 1)].rstrip() + "…"
