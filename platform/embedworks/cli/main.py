"""The command line's entry: mounts one file a command, and turns errors into one clear line."""

from __future__ import annotations

import os
import re
import sys
import traceback
from typing import Any

import typer

from embedworks import __version__
from embedworks.cli import (
    bench,
    claim,
    cluster,
    embed,
    evaluate,
    jobs,
    merge,
    report,
    run,
    runs,
    schema,
    search,
    serve,
    shards,
    systems,
)
from embedworks.cli.ray_session import prepare_environment
from embedworks.errors import InputError

INTERRUPTED, STOPPED = 130, "stopped; run the same command again to go on"
TRACEBACK = "EMBEDWORKS_TRACEBACK"
TASK_ERROR = re.compile(r"^(?:embedworks\.errors\.)?InputError: (.+)$", re.MULTILINE)
# What typer raises for a wrong command or option. It carries a click of its own, so that click's class
# of the same name would not catch it; typer exports one descendant.
USAGE_ERROR: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="embedworks",
    help="From sharded corpora to served embedders: one job file, on a laptop or a cluster.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
run.register(app)
jobs.register(app)
merge.register(app)
evaluate.register(app)
embed.register(app)
report.register(app)
systems.register(app)
bench.register(app)
claim.register(app)
schema.register(app)
search.register(app)
app.add_typer(shards.app, name="shards")
app.add_typer(cluster.app, name="cluster")
app.add_typer(runs.app, name="runs")
serve.register(app)


@app.callback(invoke_without_command=True)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        typer.echo(f"embedworks {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 bad input."""
    sys.exit(exit_code())


def exit_code() -> int:
    """Run the command that ``sys.argv`` names and return its exit code."""
    prepare_environment()
    try:
        code = int(app(standalone_mode=False) or 0)
        return code if code != INTERRUPTED else _fail(STOPPED, code)  # what typer makes of Ctrl-C
    except InputError as error:
        return _fail(f"error: {error}", 2)
    except USAGE_ERROR as error:
        message = error.format_message()  # empty where the help was printed
        return _fail(f"error: {message}", 2) if message else 2
    except (KeyboardInterrupt, typer.Abort):
        return _fail(STOPPED, INTERRUPTED)
    except Exception as error:
        if found := input_error(error):
            return _fail(f"error: {found}", 2)
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        return _fail(f"failed: {summary(error)} (set {TRACEBACK}=1 to see where)", 1)


def input_error(error: BaseException) -> InputError | None:
    """The bad input behind an error that came through Ray, if there is one."""
    seen: list[BaseException] = []
    queue: list[BaseException | None] = [error]
    while queue:
        current = queue.pop()
        if current is None or current in seen:
            continue
        if isinstance(current, InputError):
            return current
        seen.append(current)
        failures = getattr(current, "worker_failures", None) or {}
        queue += [current.__cause__, current.__context__, getattr(current, "cause", None)]
        queue += [value for value in failures.values() if isinstance(value, BaseException)]
    # Ray Data passes on the text of what a task raised, not the error itself.
    texts = [text for each in seen for text in TASK_ERROR.findall(str(each))]
    return InputError(texts[-1]) if texts else None


def summary(error: BaseException) -> str:
    """An error as one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else ''}".rstrip(": ")


def _fail(message: str, code: int) -> int:
    typer.echo(message, err=True)
    return code


if __name__ == "__main__":
    main()
