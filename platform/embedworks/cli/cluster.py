"""``embedworks cluster up|down|status|doctor``: one Ray node on this machine, and a look at any cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import typer

from embedworks.cli.ray_session import connect, local_cpus
from embedworks.errors import InputError

app = typer.Typer(help="Start, stop and inspect a Ray cluster.", no_args_is_help=True)

RAY = str(Path(sys.executable).with_name("ray"))


@app.command()
def up(
    cpus: int = typer.Option(None, help="Logical CPUs; default: at least 6."),
    port: int = typer.Option(6379, help="Port of the head node."),
    dashboard_port: int = typer.Option(8265, help="Port of the dashboard and the jobs API."),
) -> None:
    """Start one Ray node here, with the jobs API, and leave it running."""
    command = [RAY, "start", "--head", f"--port={port}", f"--num-cpus={cpus or local_cpus()}"]
    command += ["--disable-usage-stats", f"--dashboard-port={dashboard_port}"]
    # A submitted job is started by Ray with the node's PATH, and has to find `embedworks` on it.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": path})
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise InputError(
            f"Ray did not start: {lines[-1] if lines else 'no message'}", expected="a free port"
        )
    typer.echo(f"Ray is up: 127.0.0.1:{port} (jobs API and dashboard: http://127.0.0.1:{dashboard_port})")


@app.command()
def down() -> None:
    """Stop the Ray node that runs here."""
    subprocess.run([RAY, "stop"], check=True, capture_output=True)
    typer.echo("Ray is down")


@app.command()
def status(
    address: str = typer.Option(None, help="host:port of a head node; default: the one running here."),
    as_json: bool = typer.Option(False, "--json"),
) -> None:
    """Nodes and resources of a cluster."""
    import ray

    connect(address or "127.0.0.1:6379")
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
def doctor(as_json: bool = typer.Option(False, "--json")) -> None:
    """Versions of what the platform stands on, and what this machine offers."""
    import torch

    facts = {
        name: version(name) for name in ("ray", "torch", "deepspeed", "transformers", "mlflow", "mteb")
    }
    facts["python"] = sys.version.split()[0]
    facts["gpus"] = str(torch.cuda.device_count())
    typer.echo(json.dumps(facts) if as_json else "\n".join(f"{k}: {v}" for k, v in facts.items()))
