"""``embedworks bench [NAME]``: a comparison with a peer or a limit, as ratios measured in one run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import typer

from embedworks.errors import InputError


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(bench)


def bench(
    name: str = typer.Argument(None, help="Which benchmark; default: list them."),
    as_json: bool = typer.Option(False, "--json", help="{name, date, machine, versions, ...}."),
) -> None:
    """Measure the platform against its peers and limits. A missed target is a result, not a failure."""
    scripts = benchmarks(repository() / "benchmarks")
    if name is None:
        for script in scripts.values():
            typer.echo(f"{script.stem:12} {title(script)}")
        return
    if name not in scripts:
        raise InputError(
            f"no benchmark {name!r}", expected=f"one of {', '.join(scripts)}", name=name, known=scripts
        )
    command = [sys.executable, str(scripts[name]), *(["--json"] if as_json else [])]
    if code := subprocess.run(command, check=False).returncode:
        raise RuntimeError(f"benchmark {name} ended with exit code {code}")


def benchmarks(folder: Path) -> dict[str, Path]:
    """The scripts of a checkout by name; those that begin with ``_`` are their parts.

    Raises:
        InputError: if the package was installed without its repository.
    """
    if not folder.is_dir():
        raise InputError(
            "benchmarks are part of the repository, not of the installed package",
            expected="an installation from a checkout (pip install -e .)",
        )
    return {script.stem: script for script in sorted(folder.glob("[!_]*.py"))}


def title(script: Path) -> str:
    """The first line of a script's docstring."""
    text = ast.get_docstring(ast.parse(script.read_text())) or ""
    return text.partition("\n")[0]


def repository() -> Path:
    """Where the checkout would be."""
    return Path(__file__).resolve().parents[3]
