"""``embedworks serve CONFIG_OR_MODEL``, and what changes an endpoint or looks at it: ``serve status``, ...

The first word after ``serve`` is a sub-command if it is the name of one, else what to deploy. A model
whose folder is called like a sub-command is ``./status``, or ``serve deploy status`` in full.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from embedworks.cli import serve_backends, serve_indexes, serve_keys, serve_versions
from embedworks.cli.model_sources import ModelSources
from embedworks.errors import InputError

if TYPE_CHECKING:
    from embedworks.serving.gateway import Endpoint

QUESTION = "What does yield do?"


class DeployByDefault(TyperGroup):
    """A group whose unknown first word is the argument of ``deploy``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``deploy`` in front where no sub-command is named."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["deploy", *args]
        return super().parse_args(ctx, args)


group = typer.Typer(
    cls=DeployByDefault,
    no_args_is_help=True,
    help="Deploy an OpenAI-compatible endpoint: serve CONFIG_OR_MODEL [--port P] [--name NAME] ...",
)
group.add_typer(serve_keys.group, name="keys")
serve_backends.register(group)

Address = typer.Option(None, help="Ray cluster; default: the one running here, or a new one.")
TrackingUri = typer.Option(None, help="MLflow server that knows models:/NAME@ALIAS.")
AsJson = typer.Option(False, "--json", help="Print JSON.")


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    app.add_typer(group, name="serve")


@group.command()
def deploy(
    source: str = typer.Argument(
        None,
        metavar="[CONFIG_OR_MODEL]",
        help="A Serve YAML file, or a model: folder, hub id, models:/NAME@ALIAS.",
        show_default=False,
    ),
    index: list[str] = typer.Option(
        [],
        "--index",
        metavar="DIR",
        help="Folder of an index, of `embedworks embed`; repeatable.",
    ),
    host: str = typer.Option(None, help="Address to listen on; default: this machine only."),
    port: int = typer.Option(None, min=1, max=65535, help="Port to listen on; default 8000."),
    name: str = typer.Option(None, help="What requests say in `model`; default: after the source."),
    replicas: str = typer.Option(None, help="Replicas: N, or MIN-MAX to follow the traffic, from 0 on."),
    follow: bool = typer.Option(False, "--follow", help="Roll to another version when the alias moves."),
    keys: str = typer.Option(None, help="File of `serve keys`: requests then need one of its keys."),
    report: str = typer.Option(
        None, metavar="PATH", help="Page of a report stage, or its folder: served at /report."
    ),
    backend: str = typer.Option(
        None, help="auto (measures and picks), torch, packed, compile, onnx or openvino."
    ),
    address: str = Address,
    tracking_uri: str = TrackingUri,
    block: bool = typer.Option(
        True, help="Serve until Ctrl-C; --no-block leaves the endpoint to a cluster that runs already."
    ),
    as_json: bool = AsJson,
) -> None:
    """Deploy endpoints and print their URL (`serve SOURCE` is short for this)."""
    from embedworks.cli.run import stop_like_ctrl_c
    from embedworks.serving import gateway
    from embedworks.serving.source import configure

    config = configure(
        source,
        host=host,
        port=port,
        name=name,
        replicas=replicas,
        keys=keys,
        backend=backend,
        follow=follow or None,
        indexes=index,
        report=report,
    )
    _connect(address, needs_running=not block)
    stop_like_ctrl_c()  # a container is stopped so; Ray would abort
    endpoint = gateway.deploy(config, ModelSources(tracking_uri), _tell)
    typer.echo(json.dumps(asdict(endpoint)) if as_json else describe(endpoint, keyed=bool(config.keys)))
    if block:
        _wait(gateway.delete)


@group.command()
def status(
    address: str = Address,
    watch: bool = typer.Option(False, "--watch", "-w", help="Look again and again until Ctrl-C."),
    interval: float = typer.Option(2.0, min=0.2, help="Seconds between two looks of --watch."),
    as_json: bool = AsJson,
) -> None:
    """Show the endpoint of the running cluster: state, traffic, replicas, versions, indexes."""
    from embedworks.cli import serve_status
    from embedworks.serving import gateway

    _connect(address, needs_running=True)

    def look() -> tuple[gateway.Status, Iterator[str]]:
        now = gateway.status()
        return now, chain(serve_versions.lines(now.models), serve_indexes.lines(now.indexes))

    if as_json:
        typer.echo(json.dumps(gateway.status().as_dict()))
    elif watch:
        serve_status.watch(look, interval)
    else:
        serve_status.show(*look())


@group.command()
def scale(
    name: str = typer.Argument(help="A served model, or with --index an index."),
    replicas: str = typer.Argument(help="N, or MIN-MAX to follow the traffic; MIN may be 0."),
    index: bool = typer.Option(False, "--index", help="NAME is an index."),
    address: str = Address,
    as_json: bool = AsJson,
) -> None:
    """Change the number of replicas of a model or an index; those that stay keep serving."""
    from embedworks.serving import gateway
    from embedworks.serving.source import parse_replicas

    wanted = parse_replicas(replicas)
    _connect(address, needs_running=True)
    endpoint = gateway.scale(name, wanted, _tell, index=index)
    typer.echo(
        json.dumps(asdict(endpoint)) if as_json else f"{name}: {replicas} replicas at {endpoint.url}"
    )


@group.command()
def promote(
    name: str = typer.Argument(help="A served model with a canary."),
    address: str = Address,
    as_json: bool = AsJson,
) -> None:
    """Make a model's canary the model, for everybody."""
    from embedworks.serving import gateway

    _connect(address, needs_running=True)
    endpoint = gateway.promote(name, _tell)
    typer.echo(json.dumps(asdict(endpoint)) if as_json else f"{name}: its canary is the model now")


@group.command()
def rollback(
    name: str = typer.Argument(help="A served model."), address: str = Address, as_json: bool = AsJson
) -> None:
    """Go back to the version of a model that answered before; a second time comes back."""
    from embedworks.serving import gateway

    _connect(address, needs_running=True)
    endpoint = gateway.roll_back(name, _tell)
    typer.echo(json.dumps(asdict(endpoint)) if as_json else f"{name}: the version before answers again")


@group.command()
def delete(address: str = Address, as_json: bool = AsJson) -> None:
    """Delete the endpoint and free its port."""
    from embedworks.serving import gateway

    _connect(address, needs_running=True)
    deleted = gateway.delete()
    typer.echo(
        json.dumps({"deleted": deleted}) if as_json else "deleted" if deleted else "nothing to delete"
    )


def describe(endpoint: Endpoint, keyed: bool = False) -> str:
    """What to do with a new endpoint: its URL, models, indexes, and ways to call it."""
    bearer = ' -H "authorization: Bearer $KEY"' if keyed else ""
    api_key = 'os.environ["KEY"]' if keyed else '"none"'
    root = endpoint.url.removesuffix("/v1")
    names = [*endpoint.models, *(f"the index {name}" for name in endpoint.indexes)]
    lines = [f"serving {', '.join(names)} at {endpoint.url}  (health: {root}/healthz)"]
    if endpoint.playground:
        lines.append(f"try it in a browser: {root}/")
    if endpoint.report:
        lines.append(f"how its models compare: {root}/report")
    bodies = [("embeddings", {"model": name, "input": QUESTION}) for name in endpoint.models[:1]]
    bodies += [("search", {"index": name, "query": QUESTION}) for name in endpoint.indexes[:1]]
    for path, body in bodies:
        lines += ["", f"  curl {endpoint.url}/{path} -H 'content-type: application/json'{bearer} \\"]
        lines.append(f"    -d '{json.dumps(body)}'")
    for model in endpoint.models[:1]:
        lines += ["", "  from openai import OpenAI"]
        lines.append(f'  client = OpenAI(base_url="{endpoint.url}", api_key={api_key})')
        lines.append(f'  client.embeddings.create(model="{model}", input="{QUESTION}")')
    return "\n".join(lines)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _connect(address: str | None, *, needs_running: bool) -> None:
    from embedworks.cli.ray_session import connect

    connect(address)
    if needs_running and _is_own_node():
        raise InputError(
            "no Ray cluster runs here, and one of this command's own would end with it",
            expected="`embedworks cluster up` first, or --address",
        )


def _is_own_node() -> bool:
    """Whether this process started the Ray node it is connected to."""
    import ray

    node = ray._private.worker._global_node
    return bool(node is not None and node.is_head())


def _wait(stop: Callable[[], object]) -> None:
    typer.echo("Ctrl-C stops serving.", err=True)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # a container is stopped with the second
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    stop()
