"""``embedworks run JOB``: run a job here."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import typer

from embedworks.cli.results import results_to_stdout


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(run)


def run(
    job: Path = typer.Argument(help="The job file."),
    overrides: list[str] = typer.Option(
        [], "--set", help="Change a value: docs.steps=10; may be repeated."
    ),
    profile: str = typer.Option("", help="Another size that the file has: `full` is the paper's."),
    address: str = typer.Option(None, help="Ray cluster; default: the one running here, or a new one."),
    fresh: bool = typer.Option(False, help="Run every stage again, also finished ones."),
    check: bool = typer.Option(False, help="Read and check the job, and leave."),
    as_json: bool = typer.Option(False, "--json", help="Print the results as JSON; progress to stderr."),
) -> None:
    """Run a job's stages in order; run again, it goes on where it stopped."""
    from embedworks.jobs.load import load_job

    loaded = load_job(job, overrides, profile)
    if check:
        from embedworks.jobs.runner import check_job

        check_job(loaded)
        typer.echo(f"{job}: {len(loaded.job.stages)} stages, no errors")
        return
    from embedworks.cli.ray_session import connect
    from embedworks.jobs.reporter import Reporter
    from embedworks.jobs.runner import check_job, run_job

    check_job(loaded)
    with results_to_stdout(as_json) as write:
        reporter = Reporter(to_stderr=as_json)
        cluster = loaded.job.cluster
        reporter.note(f"job {loaded.job.name} on {connect(address or cluster.address, cluster.cpus)}")
        stop_like_ctrl_c()
        results = run_job(loaded, reporter, fresh=fresh)
        if as_json:
            write(json.dumps(results, indent=2))


def stop_like_ctrl_c() -> None:
    """Let SIGTERM, by which `embedworks stop` ends a job, close its runs as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
