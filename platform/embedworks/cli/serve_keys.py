"""``embedworks serve keys add NAME | list | remove NAME``: who may ask an endpoint, and for how much."""

from __future__ import annotations

import json
import time
from pathlib import Path

import typer

group = typer.Typer(no_args_is_help=True, help="API keys of endpoints, kept as digests in a file.")

File = typer.Option(
    Path("keys.yaml"), "--file", help="The keys' file; a configuration names it in `keys:`."
)
AsJson = typer.Option(False, "--json", help="Print JSON.")


@group.command()
def add(
    name: str = typer.Argument(help="Whose key it is."),
    requests_per_minute: int = typer.Option(None, min=1, help="Quota; default: none."),
    tokens_per_minute: int = typer.Option(None, min=1, help="Quota; default: none."),
    file: Path = File,
    as_json: bool = AsJson,
) -> None:
    """Make a key and show it, once: the file keeps its digest alone."""
    from embedworks.serving.keys import add_key, make_key

    token, key = make_key(name, requests_per_minute, tokens_per_minute)
    add_key(file, key)
    if as_json:
        typer.echo(json.dumps({"name": name, "key": token, "file": str(file)}))
        return
    typer.echo(token)
    typer.echo(
        f"This is shown once. Its digest is in {file}; deploy with --keys {file} or `keys:` to use it.",
        err=True,
    )


@group.command("list")
def list_keys(file: Path = File, as_json: bool = AsJson) -> None:
    """List names and quotas."""
    from embedworks.serving.keys import load_keys

    keys = load_keys(file)
    if as_json:
        typer.echo(json.dumps([key.model_dump(exclude={"salt", "digest"}) for key in keys]))
        return
    for key in keys:
        made = time.strftime("%Y-%m-%d", time.gmtime(key.created))
        quotas = (
            f"{key.requests_per_minute or 'any'} requests, {key.tokens_per_minute or 'any'} tokens a minute"
        )
        typer.echo(f"{key.name}  made {made}  {quotas}")


@group.command()
def remove(
    name: str = typer.Argument(help="Whose key goes."), file: Path = File, as_json: bool = AsJson
) -> None:
    """Take a key out of the file; an endpoint follows when it is deployed again."""
    from embedworks.serving.keys import remove_key

    remove_key(file, name)
    typer.echo(json.dumps({"removed": name}) if as_json else f"removed {name}; deploy again to shut it out")
