"""``embedworks cluster up|down|status|env|doctor``: a Ray node here, a look at any cluster."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import version

import typer

from embedworks.cli import local_node
from embedworks.cli.ray_session import connect, local_cpus
from embedworks.serving.ingress import choose_ingress

app = typer.Typer(help="Start, stop and inspect a Ray cluster.", no_args_is_help=True)

HEAD_PORT, DASHBOARD_PORT = 6379, 8265
PortOption = typer.Option(HEAD_PORT, help="Port of the head node.")


@app.command()
def up(
    cpus: int = typer.Option(None, help="Logical CPUs; default: at least 6."),
    port: int = PortOption,
    dashboard_port: int = typer.Option(DASHBOARD_PORT, help="Port of the dashboard and the jobs API."),
) -> None:
    """Start one Ray node here, with the jobs API, and leave it running."""
    node = local_node.start(port, dashboard_port, cpus or local_cpus())
    typer.echo(f"Ray is up: {node.address} (jobs API and dashboard: {node.dashboard})")


@app.command()
def down(port: int = PortOption) -> None:
    """Stop the node that `cluster up` started here on that port, and nothing else."""
    local_node.stop(port)
    typer.echo("Ray is down")


@app.command()
def status(
    address: str = typer.Option(None, help="host:port of a head node; default: the one running here."),
    as_json: bool = typer.Option(False, "--json"),
) -> None:
    """Nodes and resources of a cluster."""
    import ray

    connect(address or f"127.0.0.1:{HEAD_PORT}")
    nodes = [node for node in ray.nodes() if node["Alive"]]
    total, free = ray.cluster_resources(), ray.available_resources()
    counts = {kind: [free.get(kind, 0.0), total[kind]] for kind in ("CPU", "GPU") if kind in total}
    if as_json:
        typer.echo(json.dumps({"nodes": len(nodes), "resources": counts}))
        return
    typer.echo(f"{len(nodes)} node(s)")
    for kind, (left, whole) in counts.items():
        typer.echo(f"{kind}: {left:g} of {whole:g} free")


@app.command()
def env() -> None:
    """What a node needs that `ray start` starts: eval "$(embedworks cluster env)" in front of it."""
    settings: dict[str, str] = {}
    choose_ingress(settings)
    for name, value in settings.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def doctor(as_json: bool = typer.Option(False, "--json")) -> None:
    """Versions of what the platform stands on, and what this machine offers."""
    import torch

    facts = {
        name: version(name) for name in ("ray", "torch", "deepspeed", "transformers", "mlflow", "mteb")
    }
    facts["python"] = sys.version.split()[0]
    facts["gpus"] = str(torch.cuda.device_count())
    typer.echo(json.dumps(facts) if as_json else "\n".join(f"{k}: {v}" for k, v in facts.items()))
