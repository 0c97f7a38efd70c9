"""``embedworks merge CONFIG.yaml OUT``: a mergekit file, unchanged, or a job's merge stage."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from embedworks.errors import InputError
from embedworks.registered import is_registered

if TYPE_CHECKING:
    from embedworks.jobs.load import LoadedJob
    from embedworks.merging.plan import Plan

MIB = 1 << 20
LINE_SECONDS = 5.0


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(merge)


def merge(
    config: Path = typer.Argument(help="A mergekit file, or a file with the keys of a merge stage."),
    out: Path = typer.Argument(help="The new embedder folder."),
    seed: int = typer.Option(0, help="Of methods that draw at random."),
    threads: int = typer.Option(None, min=1, help="Default: one a core."),
    memory: float = typer.Option(1.0, min=0.01, help="GiB of tensors in flight; see docs/merging.md."),
    address: str = typer.Option(None, help="Spread it over this Ray cluster, whose nodes share files."),
    report: bool = typer.Option(False, help="Measure task vectors and conflicts: merge-report.json."),
    force: bool = typer.Option(False, "--force", help="Replace OUT if it is there."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Check and plan only."),
    as_json: bool = typer.Option(False, "--json", help="Print what was done as JSON."),
) -> None:
    """Merge models into one, out of core: memory does not grow with the models."""
    from embedworks.jobs.merging.file import as_job, needs_a_job, read_config, recipe_from
    from embedworks.merging.merge import merge as merge_models
    from embedworks.merging.merge import plan_merge

    value, source = read_config(config)
    loaded = as_job(value, source, out) if "merge_method" not in value else None
    if loaded and needs_a_job(loaded):
        run_stage(loaded, out, force=force, as_json=as_json)
        return
    recipe, where = recipe_from(value, source, loaded)
    if dry_run:
        _tell_plan(plan_merge(recipe, find_model, seed, where), as_json)
        return
    options = _on_cluster(address) if address else {"threads": threads}
    with progress(as_json) as listen:
        merged = merge_models(
            recipe,
            find_model,
            out,
            seed=seed,
            where=where,
            listen=listen,
            memory_bytes=int(memory * 1024 * MIB),
            report=report,
            replace=force,
            **options,
        )
    found = merged.as_dict()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for note in merged.notes:
        typer.echo(f"note: {note}")
    again = f", {found['skipped']} of {found['units']} parts done before" if found["skipped"] else ""
    typer.echo(
        f"{out}: {found['method']} of {len(found['models'])} models, {found['tensors']} tensors, "
        f"{found['bytes'] / MIB:,.0f} MiB in {found['seconds']:.1f} s, "
        f"peak memory {found['peak_memory'] / MIB:,.0f} MiB{again}"
    )


def _on_cluster(address: str) -> dict[str, Any]:
    from embedworks.cli.ray_session import connect
    from embedworks.jobs.merging.nodes import merge_options

    connect(address)
    return merge_options()


def run_stage(loaded: LoadedJob, out: Path, *, force: bool, as_json: bool) -> None:
    """Run a stage as a job of its own, and keep the embedder that it gives; it goes on after a kill."""
    from embedworks.cli.ray_session import connect
    from embedworks.jobs.reporter import Reporter
    from embedworks.jobs.runner import check_job, run_job

    if out.exists() and not force:
        raise InputError(f"{out} is there already", expected="a new folder, or --force")
    check_job(loaded)
    reporter = Reporter(to_stderr=as_json)
    reporter.note(f"merge on {connect(loaded.job.cluster.address, loaded.job.cluster.cpus)}")
    result = run_job(loaded, reporter, fresh=False)[loaded.job.stages[0].name]
    shutil.rmtree(out, ignore_errors=True)
    shutil.move(result["embedder"], out)
    shutil.rmtree(loaded.job.output)
    found = {**result, "embedder": str(out)}
    typer.echo(json.dumps(found, indent=2) if as_json else str(out))


def find_model(name: str) -> Path:
    """The folder of a model: a folder, a registered model, or one of a hub.

    Raises:
        InputError: if there is none.
    """
    if is_registered(name):
        from embedworks.tracking.registry import model_folder

        return model_folder(name)
    from embedworks.folder import resolve_model

    return resolve_model(name)


@contextmanager
def progress(is_quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line now and then in a pipe, nothing for a machine."""
    from embedworks.merging.execute import silent

    if is_quiet:
        yield silent
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("merging", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        yield _Lines()


class _Lines:
    def __init__(self) -> None:
        self._next = time.monotonic() + LINE_SECONDS

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_SECONDS
            typer.echo(f"  {done / MIB:,.0f} of {total / MIB:,.0f} MiB", err=True)


def _tell_plan(plan: Plan, as_json: bool) -> None:
    rows = [
        {
            "file": one.file,
            "name": one.name,
            "shape": list(one.shape),
            "dtype": str(one.dtype).removeprefix("torch."),
            "models": list(one.models),
            "parameters": one.parameters.model_dump(by_alias=True) if one.parameters else "copied",
        }
        for one in plan.tensors
    ]
    if as_json:
        typer.echo(
            json.dumps({"method": plan.method, "tensors": rows, "notes": list(plan.notes)}, indent=2)
        )
        return
    for row in rows:
        typer.echo(f"{row['name']}  {row['shape']}  {row['parameters']}")
    for note in plan.notes:
        typer.echo(f"note: {note}")
