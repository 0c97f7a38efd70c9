"""``embedworks submit|jobs|logs|stop``: the same job file on a cluster, through Ray's job API."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import tempfile
from pathlib import Path
from typing import Any

import typer

from embedworks.errors import InputError, first_line

PLUGIN_PATH = "EMBEDWORKS_PATH"  # as in embedworks.catalog, which imports torch
ADDRESS = typer.Option(
    "http://127.0.0.1:8265", envvar="RAY_API_SERVER_ADDRESS", help="The cluster's jobs API."
)
STOP_SECONDS = 90  # before Ray kills a job that is told to stop: its workers save first


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    for command in (submit, jobs, logs, stop):
        app.command()(command)


def submit(
    job: Path = typer.Argument(help="The job file; it travels with the submission."),
    address: str = ADDRESS,
    overrides: list[str] = typer.Option([], "--set", help="As for `run`."),
    profile: str = typer.Option("", help="As for `run`."),
    follow: bool = typer.Option(False, help="Print the job's log until it ends, and exit as it does."),
    as_json: bool = typer.Option(False, "--json"),
) -> None:
    """Submit a job to a Ray cluster, which needs embedworks on its head node's PATH.

    Relative paths are made absolute first: results go to the same place as with `run`, on the cluster's
    file system. With token authentication, set RAY_AUTH_TOKEN.
    """
    from embedworks.jobs.load import load_job
    from embedworks.jobs.portable import portable_text
    from embedworks.jobs.runner import check_job

    loaded = load_job(job, overrides, profile)
    check_job(loaded)
    api = client(address)
    with tempfile.TemporaryDirectory(prefix="embedworks-submit-") as folder:
        (Path(folder) / job.name).write_text(portable_text(loaded.job), encoding="utf-8")
        submission = api.submit_job(
            entrypoint=shlex.join(["embedworks", "run", job.name]),
            runtime_env={"working_dir": folder, "env_vars": _environment()},
            metadata={"embedworks_job": loaded.job.name},
        )
    output = str(Path(loaded.job.output).expanduser().absolute())
    if as_json:
        typer.echo(json.dumps({"id": submission, "address": address, "output": output}))
    else:
        typer.echo(f"submitted {submission}; results under {output} on the cluster")
    if follow:
        raise typer.Exit(_follow(api, submission))


def jobs(address: str = ADDRESS, as_json: bool = typer.Option(False, "--json")) -> None:
    """List the jobs that a cluster knows."""
    rows = [
        {"id": j.submission_id, "status": str(j.status.value), "entrypoint": j.entrypoint}
        for j in client(address).list_jobs()
        if j.submission_id
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        typer.echo(f"{row['id']}  {row['status']:<9}  {row['entrypoint']}")


def logs(submission: str, address: str = ADDRESS, follow: bool = typer.Option(False)) -> None:
    """Print a job's log."""
    api = client(address)
    require_job(api, submission)
    if follow:
        raise typer.Exit(_follow(api, submission))
    typer.echo(api.get_job_logs(submission), nl=False)


def stop(submission: str, address: str = ADDRESS) -> None:
    """Stop a job; submitted again, it goes on where it stopped."""
    api = client(address)
    require_job(api, submission)
    typer.echo("stopping" if api.stop_job(submission) else "it had ended already")


def client(address: str) -> Any:
    """A client of the jobs API.

    Raises:
        InputError: if none answers at the address, or it refuses our token.
    """
    from ray.job_submission import JobSubmissionClient

    from embedworks.cli.ray_session import require_listener

    require_listener(address, default_port=8265)
    try:
        api = JobSubmissionClient(address)
    except Exception as error:
        raise InputError(
            f"the jobs API at {address} does not answer: {first_line(error)}",
            expected="the dashboard address of a Ray head node (and RAY_AUTH_TOKEN, if it asks for one)",
        ) from error
    logging.getLogger("ray").setLevel(logging.WARNING)  # it would tell of packages and web sockets
    return api


def require_job(api: Any, submission: str) -> None:
    """Refuse an id that the cluster does not know.

    Raises:
        InputError: naming the nearest id.
    """
    known = [job.submission_id for job in api.list_jobs() if job.submission_id]
    if submission not in known:
        raise InputError(f"no job {submission!r} on this cluster", name=submission, known=known)


def _environment() -> dict[str, str]:
    """What the job must see of our environment: systems of our own; and how long it may take to stop."""
    variables = {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)}
    if roots := [root for root in os.environ.get(PLUGIN_PATH, "").split(os.pathsep) if root]:
        variables[PLUGIN_PATH] = os.pathsep.join(str(Path(root).absolute()) for root in roots)
    return variables


def _follow(api: Any, submission: str) -> int:
    async def tail() -> None:
        async for lines in api.tail_job_logs(submission):
            typer.echo(lines, nl=False)

    asyncio.run(tail())
    status = api.get_job_status(submission)
    typer.echo(f"{submission}: {status.value.lower()}")
    return 0 if status.value == "SUCCEEDED" else 1
