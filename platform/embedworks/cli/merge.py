"""``embedworks merge CONFIG.yaml OUT``: a mergekit file, unchanged, or a job's merge stage."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from embedworks.errors import InputError

if TYPE_CHECKING:
    from embedworks.jobs.source import SourceMap
    from embedworks.merging.plan import Plan
    from embedworks.merging.recipe import Recipe

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
    report: bool = typer.Option(False, help="Measure task vectors and conflicts: merge-report.json."),
    force: bool = typer.Option(False, "--force", help="Replace OUT if it is there."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Check and plan only."),
    as_json: bool = typer.Option(False, "--json", help="Print what was done as JSON."),
) -> None:
    """Merge models into one, out of core: memory does not grow with the models."""
    from embedworks.merging.merge import merge as merge_models
    from embedworks.merging.merge import plan_merge

    recipe, source = read_recipe(config)
    if dry_run:
        _tell_plan(plan_merge(recipe, find_model, seed, source.locate), as_json)
        return
    with progress(as_json) as listen:
        merged = merge_models(
            recipe,
            find_model,
            out,
            seed=seed,
            where=source.locate,
            listen=listen,
            threads=threads,
            memory_bytes=int(memory * 1024 * MIB),
            report=report,
            replace=force,
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


def read_recipe(config: Path) -> tuple[Recipe, SourceMap]:
    """A recipe and where its keys stand.

    Raises:
        InputError: for a file that is no recipe.
    """
    from embedworks.jobs.source import read_yaml
    from embedworks.merging.recipe import parse_recipe

    try:
        text = config.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {config}: {error.strerror}", expected="a YAML file") from error
    value, source = read_yaml(text, str(config))
    return parse_recipe(value, source.locate), source


def find_model(name: str) -> Path:
    """The folder of a model: a folder, a registered model, or one of a hub.

    Raises:
        InputError: if there is none.
    """
    if name.startswith("models:/"):
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
