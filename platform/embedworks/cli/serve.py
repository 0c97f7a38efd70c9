"""``embedworks serve CONFIG_OR_MODEL``, and what changes an endpoint or looks at it: ``serve status``, ...

The first word after ``serve`` is a sub-command if it is the name of one, else what to deploy. A model
whose folder is called like a sub-command is ``./status``, or ``serve deploy status`` in full.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from embedworks.cli import serve_backends, serve_keys, serve_versions
from embedworks.cli.model_sources import ModelSources
from embedworks.errors import InputError

if TYPE_CHECKING:
    from embedworks.serving.gateway import Endpoint


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
        metavar="CONFIG_OR_MODEL", help="A Serve YAML file, or a model: folder, hub id, models:/NAME@ALIAS."
    ),
    host: str = typer.Option(None, help="Address to listen on; default: this machine only."),
    port: int = typer.Option(None, min=1, max=65535, help="Port to listen on; default 8000."),
    name: str = typer.Option(None, help="What requests say in `model`; default: after the source."),
    replicas: str = typer.Option(None, help="Replicas: N, or MIN-MAX to follow the traffic, from 0 on."),
    follow: bool = typer.Option(False, "--follow", help="Roll to another version when the alias moves."),
    keys: str = typer.Option(None, help="File of `serve keys`: requests then need one of its keys."),
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
    )
    _connect(address, needs_running=not block)
    endpoint = gateway.deploy(config, ModelSources(tracking_uri), _tell)
    typer.echo(json.dumps(asdict(endpoint)) if as_json else describe(endpoint, keyed=bool(config.keys)))
    if block:
        _wait(gateway.delete)


@group.command()
def status(address: str = Address, as_json: bool = AsJson) -> None:
    """Show the endpoint of the running cluster."""
    from embedworks.serving import gateway

    _connect(address, needs_running=True)
    now = gateway.status()
    if as_json:
        typer.echo(json.dumps(now.as_dict()))
        return
    typer.echo(f"{now.state} {now.url} {now.message}".rstrip())
    for deployment, each in now.deployments.items():
        replicas = ", ".join(f"{count} {state.lower()}" for state, count in each["replicas"].items())
        typer.echo(f"  {deployment}: {each['state']}, replicas: {replicas or 'none'}")
    for line in serve_versions.lines(now.models):
        typer.echo(line)


@group.command()
def scale(
    name: str = typer.Argument(help="A served model."),
    replicas: str = typer.Argument(help="N, or MIN-MAX to follow the traffic; MIN may be 0."),
    address: str = Address,
    as_json: bool = AsJson,
) -> None:
    """Change a model's number of replicas; those that stay keep serving."""
    from embedworks.serving import gateway
    from embedworks.serving.source import parse_replicas

    wanted = parse_replicas(replicas)
    _connect(address, needs_running=True)
    endpoint = gateway.scale(name, wanted, _tell)
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
    """What to do with a new endpoint: its URL, models, and two ways to call it."""
    bearer = ' -H "authorization: Bearer $KEY"' if keyed else ""
    api_key = 'os.environ["KEY"]' if keyed else '"none"'
    model, root = endpoint.models[0], endpoint.url.removesuffix("/v1")
    body = json.dumps({"model": model, "input": "What does yield do?"})
    return "\n".join(
        [
            f"serving {', '.join(endpoint.models)} at {endpoint.url}  (health: {root}/healthz)",
            "",
            f"  curl {endpoint.url}/embeddings -H 'content-type: application/json'{bearer} \\",
            f"    -d '{body}'",
            "",
            "  from openai import OpenAI",
            f'  client = OpenAI(base_url="{endpoint.url}", api_key={api_key})',
            f'  client.embeddings.create(model="{model}", input="What does yield do?")',
        ]
    )


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
